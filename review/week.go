package review

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// Week is an ISO 8601 week in UTC: 2026-W47 goes from Monday, 16 November
// 2026, 00:00 to the next Monday, 00:00.
type Week struct {
	Year   int // of the week, which may differ from the calendar's
	Number int // 1 to 53
}

// WeekOf returns the week that t is in.
func WeekOf(t time.Time) Week {
	year, number := t.UTC().ISOWeek()
	return Week{Year: year, Number: number}
}

var weekText = regexp.MustCompile(`^(\d{4})-W(\d{2})$`)

// ParseWeek reads a week such as 2026-W47.
func ParseWeek(s string) (Week, error) {
	parts := weekText.FindStringSubmatch(s)
	if parts == nil {
		return Week{}, fmt.Errorf("week %q is not an ISO week such as 2026-W47", s)
	}
	var w Week
	w.Year, _ = strconv.Atoi(parts[1]) // four digits
	w.Number, _ = strconv.Atoi(parts[2])
	if w.Number == 0 || WeekOf(w.Start()) != w {
		return Week{}, fmt.Errorf("week %q: the year %d has no such week", s, w.Year)
	}
	return w, nil
}

// String returns the week as 2026-W47.
func (w Week) String() string { return fmt.Sprintf("%04d-W%02d", w.Year, w.Number) }

// Start returns the week's first instant. By ISO 8601, 4 January is always in
// the first week.
func (w Week) Start() time.Time {
	jan4 := time.Date(w.Year, time.January, 4, 0, 0, 0, 0, time.UTC)
	monday := jan4.AddDate(0, 0, -(int(jan4.Weekday())+6)%7)
	return monday.AddDate(0, 0, 7*(w.Number-1))
}

// End returns the first instant that is no longer in the week.
func (w Week) End() time.Time { return w.Start().AddDate(0, 0, 7) }

// Next returns the week after.
func (w Week) Next() Week { return WeekOf(w.End()) }

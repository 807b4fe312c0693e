package sigma

import "fmt"

// timeRanges are the numbers that the parts of a date have.
var timeRanges = map[string]struct {
	part     TimePart
	min, max float64
}{
	"minute": {Minute, 0, 59}, "hour": {Hour, 0, 23}, "day": {Day, 1, 31}, "week": {Week, 1, 53}, "month": {Month, 1, 12}, "year": {Year, 1, 9999},
}

// parseTimePart reads the number that a part of a date is compared with.
func parseTimePart(p *Predicate, s string, m *modifiers) error {
	r := timeRanges[m.part]
	n, err := parseNumber(s)
	if err != nil {
		return err
	}
	if n != float64(int(n)) || n < r.min || n > r.max {
		return fmt.Errorf("%s is a whole number from %v to %v, never %s", m.part, r.min, r.max, s)
	}
	p.Part, p.Number, p.Op = r.part, n, Equal
	if op, ok := comparisons[m.compare]; ok {
		p.Op = op
	}
	return nil
}

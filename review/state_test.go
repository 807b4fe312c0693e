package review

import (
	"strings"
	"testing"
	"time"

	"sidedoor/event"
)

func contains(s, part string) bool { return strings.Contains(s, part) }

func TestAWeekIsTheISOWeekInUTC(t *testing.T) {
	for at, want := range map[string]string{
		"2026-11-16T00:00:00Z":      "2026-W47",
		"2026-11-22T23:59:59Z":      "2026-W47",
		"2026-11-23T00:30:00+01:00": "2026-W47", // Sunday in UTC
		"2021-01-03T12:00:00Z":      "2020-W53",
		"2024-12-30T00:00:00Z":      "2025-W01",
	} {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		w := WeekOf(when)
		if w.String() != want {
			t.Errorf("%s is in week %s, want %s", at, w, want)
		}
		if when.Before(w.Start()) || !when.Before(w.End()) {
			t.Errorf("%s is not between %s and %s", at, w.Start(), w.End())
		}
		if parsed, err := ParseWeek(want); err != nil || parsed != w {
			t.Errorf("%s is read as %v, %v", want, parsed, err)
		}
	}
}

func TestEveryWeekIsFollowedByTheNext(t *testing.T) {
	w := Week{2019, 50}
	for day := w.Start(); day.Year() < 2033; day = day.AddDate(0, 0, 7) {
		if WeekOf(day) != w || w.Start() != day {
			t.Fatalf("%s is in week %s, want %s", day, WeekOf(day), w)
		}
		w = w.Next()
	}
}

func FuzzParseWeekTakesOnlyWhatItWrites(f *testing.F) {
	for _, s := range []string{"2026-W47", "2020-W53", "2021-W53", "2026-W00", "2026-w47", "", "0000-W01", "9999-W52"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if w, err := ParseWeek(s); err == nil && (w.String() != s || WeekOf(w.Start()) != w) {
			t.Errorf("%q is read as %s", s, w)
		}
	})
}

func TestAnAlertIsFoundByTheBeginningOfItsIDIfThatIsUnique(t *testing.T) {
	s := newStory(t)
	s.alert(bypass("abc1"))
	s.alert(bypass("abc2"))
	s.alert(bypass("abc22"))
	for id, want := range map[string]string{"abc1": "abc1", "ABC1": "abc1", "abc2": "abc2", "abc22": "abc22"} {
		if i, err := s.Alert(id); err != nil || i.Alert.ID != want {
			t.Errorf("%s finds %q, %v", id, i.Alert.ID, err)
		}
	}
	_, err := s.Alert("abc")
	refusedWith(t, err, "3 alerts' IDs begin", "abc1, abc2 or abc22")
	_, err = s.Alert("")
	refusedWith(t, err, "no alert's ID begins")
}

func TestAFilterChoosesByControlWeekAndWhatIsLeft(t *testing.T) {
	s := newStory(t)
	s.alert(bypass("aaaa"))
	s.alert(bypass("bbbb"), func(a *event.Alert) { a.First = a.First.Add(-time.Hour) })
	s.alert(bypass("cccc"), func(a *event.Alert) { a.First = monday.Add(-time.Hour) })
	s.alert(bypass("dddd"), func(a *event.Alert) { a.Control = "OTHER" })
	s.decide(decision("aaaa", "rob", event.FalsePositive))
	for want, f := range map[string]Filter{
		"cccc bbbb aaaa dddd": {},
		"cccc bbbb aaaa":      {Control: "CHG-03"},
		"bbbb aaaa dddd":      {Week: "2026-W47"},
		"bbbb":                {Control: "CHG-03", Week: "2026-W47", Open: true},
		"":                    {Control: "NONE"},
	} {
		var ids []string
		for _, i := range s.Alerts(f) {
			ids = append(ids, i.Alert.ID)
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("%+v chooses %q, want %q", f, got, want)
		}
	}
}

func TestARecordThatDoesNotFitIsNamed(t *testing.T) {
	review := func(entry int) event.Record {
		return event.Record{Type: event.TypeReview, ID: "x", Body: event.Review{Alert: "aaaa", Entry: entry}}
	}
	for name, tc := range map[string]struct {
		seq    uint64
		record event.Record
		wants  []string
	}{
		"a gap":                         {3, review(1), []string{"record 3 follows record 1", "missing"}},
		"an entry without its former":   {2, review(2), []string{"record 2", "entry 2 where entry 1"}},
		"a review of no alert":          {2, event.Record{Type: event.TypeReview, Body: event.Review{Alert: "zzzz", Entry: 1}}, []string{"no record"}},
		"a sign-off of no week":         {2, event.Record{Type: event.TypeSignOff, Body: event.SignOff{Week: "W1"}}, []string{"ISO week"}},
		"a body that is something else": {2, event.Record{Type: event.TypeAlert, Body: 7}, []string{"record 2"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			s.alert(bypass("aaaa"))
			raw, err := tc.record.Encode()
			if err != nil {
				t.Fatal(err)
			}
			refusedWith(t, s.Apply(tc.seq, raw), tc.wants...)
			if s.Through() != 1 {
				t.Errorf("the state is made of %d records", s.Through())
			}
		})
	}
}

func TestRecordsOfOtherKindsAreCounted(t *testing.T) {
	s := newStory(t)
	s.record(event.DeliveryRecord(event.Delivery{Alert: "aaaa"}, monday))
	s.record(event.Record{Type: "from-the-future", ID: "1", Body: map[string]int{"x": 1}})
	if s.Through() != 2 || len(s.Alerts(Filter{})) != 0 {
		t.Errorf("the state is made of %d records", s.Through())
	}
}

package judge_test

import (
	"fmt"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/rules/judge"
)

// The cost of an act must not grow with the approvals that have nothing to do
// with it.
func BenchmarkApply(b *testing.B) {
	for _, held := range []int{10, 10_000} {
		b.Run(fmt.Sprintf("act with %d approvals held", held), func(b *testing.B) {
			s := newStream(b, judge.Config{})
			s.mark("approvals", clock("12:00"))
			for i := range held {
				s.match(aGrant(named(fmt.Sprint(i)), covering(fmt.Sprint(admin, i)), forActor(fmt.Sprint("person-", i)), valid(time.Time{}, time.Time{})))
			}
			s.match(aGrant())
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				m := anAct(withID(fmt.Sprint(i)))
				if records, _ := s.judge.Apply(event.Input{Time: nine, Match: &m}); len(records) != 1 {
					b.Fatalf("records: %+v", records)
				}
				i++
			}
		})
	}
}

func BenchmarkSnapshot(b *testing.B) {
	s := newStream(b, judge.Config{})
	for i := range 10_000 {
		s.match(aGrant(named(fmt.Sprint(i)), covering(fmt.Sprint(admin, i))))
	}
	b.ReportAllocs()
	for b.Loop() {
		raw, err := s.judge.Snapshot()
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(raw)))
	}
}

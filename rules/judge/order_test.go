package judge_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/rules/judge"
)

// many is how many acts one input frees: enough that no order is by chance.
const many = 12

// revised returns the events of the verdicts given since the stream had n
// records, in their order.
func revised(s *stream, n int) []string {
	var ids []string
	for _, r := range s.out[n:] {
		if v, ok := r.Body.(*event.Verdict); ok {
			ids = append(ids, v.Event.ID)
		}
	}
	return ids
}

func TestActsThatOneInputFreesAreJudgedAsTheyArrived(t *testing.T) {
	for name, in := range map[string]event.Input{
		"an approval":                {Match: ptr(aGrant())},
		"an approval with wildcards": {Match: ptr(aGrant(covering("arn:*")))},
		"a policy":                   {Policy: &event.Policy{Digest: event.DigestOf([]byte("without sources"))}},
		"a mark":                     {Mark: &event.Mark{Source: "approvals", Through: clock("12:00")}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStream(t, judge.Config{})
			s.pass(nine)
			var want []string
			for i := range many {
				want = append(want, fmt.Sprint(many-i))
				s.match(anAct(withID(want[i])))
			}
			s.pass(clock("09:30"))
			n := len(s.out)
			s.put(in)
			if got := revised(s, n); !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestAMarkFreesTheActsWhoseGraceItReaches(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.pass(nine)
	for i := range many { // the longest grace arrives first
		s.match(anAct(withID(fmt.Sprint(many-i)), act(func(a *event.Act) { a.Grace = time.Duration(many-i) * time.Minute })))
	}
	s.pass(clock("09:30"))
	n := len(s.out)
	s.mark("approvals", clock("09:03"))
	if got := revised(s, n); !slices.Equal(got, []string{"1", "2", "3"}) {
		t.Errorf("freed: %v", got)
	}
}

func TestApprovalsThatDifferInNothingButTheirEventsStandInOneOrder(t *testing.T) {
	var first []byte
	for range 20 {
		s := newStream(t, judge.Config{})
		for i := range many {
			s.match(aGrant(withID(fmt.Sprint(i))))
		}
		s.match(anAct())
		if first == nil {
			first = wire(t, s.out)
		}
		if again := wire(t, s.out); !bytes.Equal(again, first) {
			t.Fatalf("first\n%s\nthen\n%s", first, again)
		}
	}
}

func TestTheClockOfTheJudgeNeverGoesBack(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.now = nine.AddDate(0, 0, 8)
	s.mark("trail", nine)
	m := anAct()
	s.judge.Apply(event.Input{Time: nine, Match: &m})
	s.mark("trail", clock("10:00"))
	if st := s.judge.Stats(); st.Pending != 1 {
		t.Errorf("an act that just arrived is forgotten: %+v", st)
	}
}

func TestTheActsRememberedAreBoundedToo(t *testing.T) {
	s := newStream(t, judge.Config{MaxHeld: 5})
	s.match(aGrant())
	for i := range many {
		s.match(anAct(withID(fmt.Sprint(i))))
	}
	raw, err := s.judge.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	var state struct{ Settled []any }
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&state); err != nil || len(state.Settled) != 5 {
		t.Errorf("%d are remembered, %v", len(state.Settled), err)
	}
}

func ptr[T any](x T) *T { return &x }

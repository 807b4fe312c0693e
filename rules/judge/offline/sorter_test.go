package offline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"sidedoor/event"
)

var nine = time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)

func anAct(id string, at time.Time) event.Match {
	alice := event.Party{Person: "alice"}
	return event.Match{
		Rule:  event.RuleRef{ID: "rule-1", Name: "aws-admin", Title: "Privileged role assumed"},
		Event: event.Ref{Source: "trail", ID: id, Occurred: at},
		Act: &event.Act{
			Actor: alice, Resource: "role/Admin", Scope: "1", Grace: 5 * time.Minute, Limit: time.Hour,
			ApprovedBy: []event.Requirement{{Kind: "access-grant", SameActor: true, Scope: "role/Admin", IndependentOf: []event.Party{alice}}},
		},
	}
}

func aGrant(id string, at time.Time) event.Match {
	return event.Match{
		Rule:  event.RuleRef{ID: "rule-2", Name: "access-grant"},
		Event: event.Ref{Source: "approvals", ID: id, Occurred: at},
		Approval: &event.Approval{
			Kind: "access-grant", Actor: event.Party{Person: "alice"}, Approver: event.Party{Person: "bob"},
			NeedsApprover: true, Covers: "role/*", Recorded: at, Until: at.Add(20 * time.Minute), Reference: id,
		},
	}
}

// week is many matches of several days, in no order.
func week() []event.Match {
	rnd := rand.New(rand.NewPCG(1, 2))
	var all []event.Match
	for i := range 300 {
		at := nine.Add(time.Duration(rnd.IntN(3*24*60)) * time.Minute)
		all = append(all, anAct(fmt.Sprint("act-", i), at))
		if i%3 == 0 {
			all = append(all, aGrant(fmt.Sprint("grant-", i), at.Add(time.Duration(rnd.IntN(20)-10)*time.Minute)))
		}
	}
	all = append(all, anAct("before-history", time.Time{}), anAct("far-future", time.Date(9998, 1, 1, 0, 0, 0, 0, time.UTC)))
	rnd.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
	return all
}

func sorted(t *testing.T, s *Sorter) []string {
	t.Helper()
	var got []string
	err := s.each(func(m event.Match) error {
		got = append(got, m.Event.At().Format(time.RFC3339)+" "+m.Event.ID)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func filled(t *testing.T, maxMemory int, matches []event.Match) (*Sorter, string) {
	t.Helper()
	dir := t.TempDir()
	s := NewSorter(dir, maxMemory)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, m := range matches {
		if err := s.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	return s, dir
}

func files(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestMatchesComeInTheOrderOfTheirTimesWhateverTheMemory(t *testing.T) {
	all := week()
	inMemory, dir := filled(t, 0, all)
	want := sorted(t, inMemory)
	if n := files(t, dir); n != 0 {
		t.Errorf("%d files though all fits into memory", n)
	}
	if len(want) != len(all) || !slices.IsSortedFunc(want, func(a, b string) int { return bytes.Compare([]byte(a)[:20], []byte(b)[:20]) }) {
		t.Errorf("not in order: %v", want)
	}
	for _, memory := range []int{3, 1000, 100_000} {
		s, dir := filled(t, memory, all)
		if n := files(t, dir); n == 0 || n > maxFiles {
			t.Errorf("%d files with %d bytes of memory", n, memory)
		}
		if got := sorted(t, s); !slices.Equal(got, want) {
			t.Errorf("with %d bytes of memory the order is another", memory)
		}
		if again := sorted(t, s); !slices.Equal(again, want) {
			t.Errorf("with %d bytes of memory it cannot be read twice", memory)
		}
	}
}

func TestApprovalsComeBeforeActsOfTheSameMoment(t *testing.T) {
	for i := range 10 { // the keys of events fall either way
		a, p := anAct(fmt.Sprint("act", i), nine), aGrant(fmt.Sprint("grant", i), nine)
		s, _ := filled(t, 0, []event.Match{a, p})
		if got := sorted(t, s); got[0] != "2026-11-16T09:00:00Z "+p.Event.ID {
			t.Errorf("order: %v", got)
		}
	}
}

func TestCloseRemovesEveryFile(t *testing.T) {
	s, dir := filled(t, 3, week())
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := files(t, dir); n != 0 {
		t.Errorf("%d files are left", n)
	}
	if got := sorted(t, s); len(got) != 0 {
		t.Errorf("a closed sorter holds %v", got)
	}
}

func TestASorterThatCannotSpillSaysSo(t *testing.T) {
	s := NewSorter(t.TempDir()+"/gone", 3)
	if err := s.Add(anAct("a", nine)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error: %v", err)
	}
}

func TestAFileThatWasCutIsAnErrorAndNotAShorterRun(t *testing.T) {
	for cut := range 5 {
		s, _ := filled(t, 3, []event.Match{anAct("a", nine), anAct("b", nine)})
		f := s.files[1]
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Truncate(info.Size() - int64(cut)); err != nil {
			t.Fatal(err)
		}
		err = s.each(func(event.Match) error { return nil })
		if (err == nil) != (cut == 0) {
			t.Errorf("cut by %d bytes: %v", cut, err)
		}
	}
}

func TestAMatchThatCannotBeStoredIsRefused(t *testing.T) {
	m := anAct("a", time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC))
	var want *json.MarshalerError
	if err := NewSorter(t.TempDir(), 0).Add(m); !errors.As(err, &want) {
		t.Errorf("error: %v", err)
	}
}

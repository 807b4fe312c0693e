package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"sidedoor/event"
)

// policyDiff is two policies, and what they make of the same events.
type policyDiff struct {
	reading    *reading
	old, fresh *trial
	progress   *progress

	differing map[event.Digest]*actDiff // by the ID of the act's match
	byRule    map[string]*tallies
	total     tallies
}

// tallies count acts by what becomes of them.
type tallies struct {
	Gained  int `json:"gained"`
	Lost    int `json:"lost"`
	Changed int `json:"changed"`
	Same    int `json:"same"`
}

// How an act is judged differently.
const (
	actGained  = "gained"
	actLost    = "lost"
	actChanged = "changed"
)

// actDiff is an act that the policies judge differently, as policy diff prints it.
//
//	{"change":"changed","rule":"k8s-exec",…,"before":{"verdict":"bypass",…},"after":{"verdict":"approved",…}}
type actDiff struct {
	Change   string    `json:"change"`
	Rule     string    `json:"rule"`
	Actor    string    `json:"actor"`
	Person   string    `json:"person,omitempty"`
	Resource string    `json:"resource"`
	Scope    string    `json:"scope,omitempty"`
	Time     time.Time `json:"time,omitzero"`
	Source   string    `json:"source"`
	File     string    `json:"file"`
	Index    int       `json:"index"`
	EventID  string    `json:"event_id"`
	Before   *judged   `json:"before,omitempty"`
	After    *judged   `json:"after,omitempty"`
}

// judged is what a policy makes of an act: what is compared, and the sentence
// for people.
type judged struct {
	aspects
	Reason string `json:"reason"`
}

// aspects are what makes two verdicts on an act different ones.
type aspects struct {
	Verdict event.State `json:"verdict"`
	Why     event.Why   `json:"why,omitempty"` // of the decisive approval
	Level   event.Level `json:"level"`
	Control string      `json:"control"`
}

func aspectsOf(v *event.Verdict) aspects {
	a := aspects{Verdict: v.Verdict, Level: v.Rule.Level, Control: v.Control}
	if len(v.Considered) > 0 {
		a.Why = v.Considered[0].Why
	}
	return a
}

// seen is an act as one policy judged it in the end, in few bytes: there may be
// millions, of which only those that differ are looked at again.
type seen struct {
	aspects event.Digest
	rule    string
}

// compare folds twice: first to find the acts that differ, then for what there is
// to say of them.
func (d *policyDiff) compare(ctx context.Context) error {
	names := map[string]string{} // so that a rule's name is held once
	before, err := d.judge(ctx, d.old, names)
	if err != nil {
		return err
	}
	after, err := d.judge(ctx, d.fresh, names)
	if err != nil {
		return err
	}
	d.differing, d.byRule = map[event.Digest]*actDiff{}, map[string]*tallies{}
	for id, is := range after {
		was, known := before[id]
		switch {
		case !known:
			d.count(id, is.rule, actGained)
		case was.aspects != is.aspects:
			d.count(id, is.rule, actChanged)
		default:
			d.tally(is.rule).Same++
			d.total.Same++
		}
	}
	for id, was := range before {
		if _, known := after[id]; !known {
			d.count(id, was.rule, actLost)
		}
	}
	if len(d.differing) == 0 {
		return nil
	}
	if err := d.describe(ctx, d.old, func(a *actDiff, j *judged) { a.Before = j }); err != nil {
		return err
	}
	return d.describe(ctx, d.fresh, func(a *actDiff, j *judged) { a.After = j })
}

func (d *policyDiff) judge(ctx context.Context, t *trial, names map[string]string) (map[event.Digest]seen, error) {
	out := map[event.Digest]seen{}
	err := d.reading.fold(ctx, t, func(v *event.Verdict) error {
		name := ruleName(v.Rule)
		if known, ok := names[name]; ok {
			name = known
		}
		names[name] = name
		b, err := json.Marshal(aspectsOf(v))
		out[actID(v)] = seen{aspects: event.DigestOf(b), rule: name}
		return err
	})
	return out, err
}

// actID is the match's ID, in a quarter of the room.
func actID(v *event.Verdict) (id event.Digest) {
	if id.UnmarshalText([]byte(v.ID)) != nil {
		return event.DigestOf([]byte(v.ID))
	}
	return id
}

func (d *policyDiff) tally(rule string) *tallies {
	t := d.byRule[rule]
	if t == nil {
		t = &tallies{}
		d.byRule[rule] = t
	}
	return t
}

func (d *policyDiff) count(id event.Digest, rule, change string) {
	d.differing[id] = &actDiff{Change: change, Rule: rule}
	for _, t := range []*tallies{d.tally(rule), &d.total} {
		switch change {
		case actGained:
			t.Gained++
		case actLost:
			t.Lost++
		default:
			t.Changed++
		}
	}
}

// describe folds again, for the acts that differ.
func (d *policyDiff) describe(ctx context.Context, t *trial, set func(*actDiff, *judged)) error {
	return d.reading.fold(ctx, t, func(v *event.Verdict) error {
		a := d.differing[actID(v)]
		if a == nil {
			return nil
		}
		a.Actor, a.Person, a.Resource, a.Scope = v.Actor.Name, v.Actor.Person, v.Resource, v.Scope
		a.Time, a.Source, a.EventID = v.Event.Occurred, v.Event.Source, v.Event.ID
		a.File, a.Index = v.Event.Origin, v.Event.Index
		set(a, &judged{aspectsOf(v), v.Reason})
		return nil
	})
}

// acts are the acts that differ, by rule and time.
func (d *policyDiff) acts() []*actDiff {
	return slices.SortedFunc(maps.Values(d.differing), func(a, b *actDiff) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), a.Time.Compare(b.Time), cmp.Compare(a.EventID, b.EventID),
			cmp.Compare(a.File, b.File), cmp.Compare(a.Index, b.Index))
	})
}

func (d *policyDiff) print(out io.Writer, format string) error {
	w := bufio.NewWriter(out)
	if format == "json" {
		return d.printJSON(w)
	}
	fmt.Fprintf(w, "%-34s %7s %7s %7s %7s\n", "RULE", "GAINED", "LOST", "CHANGED", "SAME")
	for _, rule := range slices.Sorted(maps.Keys(d.byRule)) {
		t := d.byRule[rule]
		fmt.Fprintf(w, "%-34s %7d %7d %7d %7d\n", printable(rule), t.Gained, t.Lost, t.Changed, t.Same)
	}
	fmt.Fprintf(w, "%-34s %7d %7d %7d %7d\n", "all", d.total.Gained, d.total.Lost, d.total.Changed, d.total.Same)
	for _, a := range d.acts() {
		fmt.Fprintf(w, "\n%s %-8s %-20s %-28s %-30s %s\n", signOf[a.Change], a.Change, when(a.Time), printable(a.Rule), printable(a.Person), printable(a.Resource))
		for _, j := range []struct {
			sign string
			*judged
		}{{"-", a.Before}, {"+", a.After}} {
			if j.judged != nil {
				fmt.Fprintf(w, "    %s %s (%s, %s): %s\n", j.sign, j.Verdict, j.Level, printable(orDash(j.Control)), printable(j.Reason))
			}
		}
		fmt.Fprintf(w, "      %s record %d\n", printable(a.File), a.Index)
	}
	return w.Flush()
}

var signOf = map[string]string{actGained: "+", actLost: "-", actChanged: "~"}

// diffSummary is the last line.
type diffSummary struct {
	tallies
	Events int `json:"events"`
	Unread int `json:"unread"`
}

func (d *policyDiff) printJSON(w *bufio.Writer) error {
	lines := json.NewEncoder(w)
	for _, a := range d.acts() {
		if err := lines.Encode(a); err != nil {
			return err
		}
	}
	if err := lines.Encode(diffSummary{d.total, d.reading.total, d.reading.unread.total}); err != nil {
		return err
	}
	return w.Flush()
}

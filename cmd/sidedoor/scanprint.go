package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/logfile"
)

func compareStrings(a, b string) int { return cmp.Compare(a, b) }

// held keeps the latest verdicts back, so that a late approval revises a line
// before it is printed. The oldest is printed when there are too many.
type held struct {
	max    int
	order  []string
	byID   map[string]*event.Verdict
	print  func(*event.Verdict) error
	counts map[event.State]int
}

func newHeld(most int, print func(*event.Verdict) error) *held {
	return &held{max: most, byID: map[string]*event.Verdict{}, print: print, counts: map[event.State]int{}}
}

func (h *held) add(v *event.Verdict) error {
	if _, ok := h.byID[v.ID]; !ok {
		h.order = append(h.order, v.ID)
	}
	h.byID[v.ID] = v
	if len(h.order) > h.max {
		return h.release()
	}
	return nil
}

func (h *held) release() error {
	id := h.order[0]
	h.order = h.order[1:]
	v := h.byID[id]
	delete(h.byID, id)
	h.counts[v.Verdict]++
	return h.print(v)
}

func (h *held) flush() error {
	for len(h.order) > 0 {
		if err := h.release(); err != nil {
			return err
		}
	}
	return nil
}

// verdictPrinter writes verdicts for people or for programs.
type verdictPrinter struct {
	format  string
	all     bool
	out     *bufio.Writer
	started bool
}

func newVerdictPrinter(format string, all bool, w io.Writer) *verdictPrinter {
	return &verdictPrinter{format: format, all: all, out: bufio.NewWriter(w)}
}

// verdictLine is one verdict as scan prints it.
//
//	{"verdict":"bypass","rule":"k8s-direct-change","control":"CHG-03",…}
type verdictLine struct {
	Verdict  event.State `json:"verdict"`
	Rule     string      `json:"rule"`
	Control  string      `json:"control"`
	Level    event.Level `json:"level"`
	Actor    string      `json:"actor"`
	Person   string      `json:"person,omitempty"`
	Resource string      `json:"resource"`
	Scope    string      `json:"scope,omitempty"`
	Time     time.Time   `json:"time,omitzero"`
	Reason   string      `json:"reason"`
	Source   string      `json:"source"`
	File     string      `json:"file"`
	Index    int         `json:"index"`
	EventID  string      `json:"event_id"`
	Title    string      `json:"title"`
	Revision int         `json:"revision"`
}

func (p *verdictPrinter) print(v *event.Verdict) error {
	if p.format == "json" {
		line, err := json.Marshal(verdictLine{
			Verdict: v.Verdict, Rule: ruleName(v.Rule), Control: v.Control, Level: v.Rule.Level,
			Actor: v.Actor.Name, Person: v.Actor.Person, Resource: v.Resource, Scope: v.Scope,
			Time: v.Event.Occurred, Reason: v.Reason, Source: v.Event.Source,
			File: v.Event.Origin, Index: v.Event.Index, EventID: v.Event.ID, Title: v.Rule.Title, Revision: v.Revision,
		})
		if err != nil {
			return err
		}
		_, err = p.out.Write(append(line, '\n'))
		return err
	}
	if v.Verdict == event.Approved && !p.all {
		return nil
	}
	if !p.started {
		p.started = true
		fmt.Fprintf(p.out, "%-13s %-8s %-20s %-28s %-30s %s\n", "VERDICT", "LEVEL", "TIME", "RULE", "ACTOR", "RESOURCE")
	}
	fmt.Fprintf(p.out, "%-13s %-8s %-20s %-28s %-30s %s\n", v.Verdict, v.Rule.Level, when(v.Event.Occurred),
		printable(ruleName(v.Rule)), printable(v.Actor.Person), printable(v.Resource))
	_, err := fmt.Fprintf(p.out, "              %s  (%s record %d)\n", printable(v.Reason), printable(v.Event.Origin), v.Event.Index)
	return err
}

func (p *verdictPrinter) flush() error { return p.out.Flush() }

func ruleName(r event.RuleRef) string {
	if r.Name != "" {
		return r.Name
	}
	return r.Title
}

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// printable keeps control characters of a hostile event off the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) || (r >= 0x202a && r <= 0x202e) {
			return '\ufffd'
		}
		return r
	}, s)
}

// unread counts what could not be read, and keeps the first few of each kind
// to show.
type unread struct {
	total   int
	reasons map[string]*unreadKind
}

type unreadKind struct {
	count int
	first []logfile.Bad
}

// Bounds on what is kept of hostile input.
const (
	maxUnreadKinds = 100
	maxUnreadShown = 3
)

func newUnread() *unread { return &unread{reasons: map[string]*unreadKind{}} }

func (u *unread) add(b logfile.Bad) {
	u.total++
	k := u.reasons[b.Reason]
	if k == nil {
		if len(u.reasons) == maxUnreadKinds {
			b.Reason = "other reasons"
			k = u.reasons[b.Reason]
		}
		if k == nil {
			k = &unreadKind{}
			u.reasons[b.Reason] = k
		}
	}
	k.count++
	if len(k.first) < maxUnreadShown {
		k.first = append(k.first, b)
	}
}

// text says what could not be read, and where.
func (u *unread) text(w io.Writer) {
	for _, reason := range slices.Sorted(maps.Keys(u.reasons)) {
		k := u.reasons[reason]
		fmt.Fprintf(w, "could not read %d: %s\n", k.count, printable(reason))
		for _, b := range k.first {
			fmt.Fprintf(w, "  %s record %d\n", printable(b.File), b.Index)
		}
		if more := k.count - len(k.first); more > 0 {
			fmt.Fprintf(w, "  and %d more\n", more)
		}
	}
}

// summarise says what was read, what was judged, and what could not be read
// and where.
func (r *reading) summarise(w io.Writer, counts map[event.State]int) {
	fmt.Fprintf(w, "\n%d records: %d events, %d that could not be read\n", r.total+r.unread.total, r.total, r.unread.total)
	for _, name := range slices.Sorted(maps.Keys(r.events)) {
		fmt.Fprintf(w, "  %-14s %9d events\n", name, r.events[name])
	}
	fmt.Fprintf(w, "verdicts: %d bypass, %d undetermined, %d approved-late, %d approved\n",
		counts[event.Bypass], counts[event.Undetermined], counts[event.ApprovedLate], counts[event.Approved])
	r.unread.text(w)
}

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/logfile"
	"sidedoor/rules"
)

type peopleUnresolvedCmd struct {
	estateFlags
	Paths  []string          `arg:"" optional:"" name:"logs" help:"Log files and folders, as scan reads them; without any, the records of the installation."`
	All    bool              `help:"Whoever is behind any event of the logs, and not only behind what rules match."`
	Scope  map[string]string `help:"What a source's logs are of, where they do not say." placeholder:"SOURCE=SCOPE"`
	Format string            `help:"How to print: ${enum}." enum:"table,json" default:"table"`
}

// Help says what the one-line help cannot.
func (peopleUnresolvedCmd) Help() string {
	return `Lists the names that rules met and that the estate does not know: of actors, of approvers, and of
those whom facts are about. To somebody unknown an approval for a person is for somebody else, so
each of these names belongs into estate.yaml or into a directory that it names. NEAR is a guess.

Without logs it looks through the verdicts in the installation's records, and leaves out names
that the estate has learnt since.

  sidedoor people unresolved --policy ./policy ./logs
  sidedoor people unresolved --policy ./policy --all ./AWSLogs
  sidedoor people unresolved --config sidedoor.yaml --format json | jq -r .name`
}

func (c *peopleUnresolvedCmd) Run(ctx context.Context, e *edges) error {
	if len(c.Paths) == 0 && c.All {
		return exit{exitUsage, errors.New("--all is for log files: the records name those alone whom rules met")}
	}
	policy, err := c.load(e.err)
	if err != nil {
		return err
	}
	u := newUnresolved(policy.Estate)
	if len(c.Paths) > 0 {
		err = c.ofLogs(ctx, e, policy, u)
	} else {
		err = c.ofRecords(ctx, u)
	}
	if err != nil {
		return err
	}
	return u.print(e, c.Format)
}

// ofLogs looks through log files.
func (c *peopleUnresolvedCmd) ofLogs(ctx context.Context, e *edges, policy *rules.Policy, u *unresolved) error {
	matcher, _ := policy.Compile(rules.Defaults{}) // what is wrong with rules has been said
	p, bad := newProgress(e.err), newUnread()
	err := readLogs(ctx, c.Paths, c.Scope, p, func(b event.Batch) error {
		if c.All {
			for i, ev := range b.Events {
				u.meet(u.names.Behind(b, i), b.Product, "an event of "+b.Product+"/"+b.Service, ev.Occurred)
			}
			return nil
		}
		matches, _ := matcher.Match(b)
		for _, m := range matches {
			u.match(m)
		}
		return nil
	}, func(b logfile.Bad) { bad.add(b) })
	p.done()
	bad.text(e.err)
	return err
}

// ofRecords looks through the installation's records.
func (c *peopleUnresolvedCmd) ofRecords(ctx context.Context, u *unresolved) error {
	cfg, err := c.configFlag.load()
	if err != nil {
		return err
	}
	in, err := openInstallation(ctx, cfg)
	if err != nil {
		return err
	}
	return errors.Join(in.stream.ReadRecords(ctx, 0, u.record), in.close(ctx))
}

// unresolved collects names that the estate does not know.
type unresolved struct {
	names *rules.Names
	met   map[nameIn]*metName
	more  int                   // meetings with names beyond the bound
	seen  map[event.Digest]bool // approvals, which several verdicts considered
}

type nameIn struct{ product, name string }

// metName is a name that was met.
//
//	{"name":"mallory","product":"github","times":3,"first":"2026-11-16T09:00:00Z","last":"…",
//	 "where":["actor of github-direct-push"],"near":"alice"}
type metName struct {
	Name    string    `json:"name"`
	Product string    `json:"product"`
	Times   int       `json:"times"`
	First   time.Time `json:"first,omitzero"`
	Last    time.Time `json:"last,omitzero"`
	Where   []string  `json:"where"` // at most maxWhere
	Near    string    `json:"near,omitempty"`
}

// Bounds on what is kept of names.
const (
	maxMet   = 10_000
	maxWhere = 5
)

func newUnresolved(e rules.Estate) *unresolved {
	return &unresolved{names: e.Names(), met: map[nameIn]*metName{}, seen: map[event.Digest]bool{}}
}

// match meets everybody whom a match names.
func (u *unresolved) match(m event.Match) {
	at, product := m.Event.At(), m.Event.Product
	if a := m.Act; a != nil {
		u.meet(a.Actor, product, "actor of "+m.Rule.Name, at)
	}
	if a := m.Approval; a != nil {
		u.meet(a.Actor, product, "actor of "+a.Kind, at)
		u.meet(a.Approver, product, "approver of "+a.Kind, at)
	}
	if r := m.Revocation; r != nil {
		u.meet(r.Approver, product, "who took back "+r.Kind, at)
	}
	for _, f := range m.Facts {
		u.meet(f.Who, product, f.Is+", by "+m.Rule.Name, at)
	}
	// Correlations have the same actor; where the rule only serves them, one of
	// them names it.
	i := slices.IndexFunc(m.Parts, func(p event.Part) bool { return p.Act != nil })
	if m.Act == nil && i >= 0 {
		u.meet(m.Parts[i].Act.Actor, product, "actor of "+m.Parts[i].Rule.Name, at)
	}
}

// record meets everybody whom a verdict names, but for those whom the estate
// knows by now.
func (u *unresolved) record(_ uint64, raw []byte) error {
	r, err := event.ParseRecord(raw)
	if err != nil {
		return err
	}
	v, ok := r.Body.(*event.Verdict)
	if !ok {
		return nil
	}
	if v.Revision == 1 {
		u.meetStill(v.Actor, v.Event.Product, "actor of "+ruleName(v.Rule), v.Event.At())
	}
	u.considered(v.Considered)
	return nil
}

func (u *unresolved) considered(all []event.Considered) {
	for _, c := range all {
		if key := c.Event.Key(); !u.seen[key] {
			u.seen[key] = true
			u.meetStill(c.Actor, c.Event.Product, "actor of "+c.Kind, c.Recorded)
			u.meetStill(c.Approver, c.Event.Product, "approver of "+c.Kind, c.Recorded)
		}
		u.considered(c.Links)
	}
}

func (u *unresolved) meetStill(p event.Party, product, where string, at time.Time) {
	if _, known := u.names.Who(product, p.Name); !known {
		u.meet(p, product, where, at)
	}
}

func (u *unresolved) meet(p event.Party, product, where string, at time.Time) {
	if !p.Unknown {
		return
	}
	key := nameIn{product, p.Name}
	n := u.met[key]
	if n == nil {
		if len(u.met) == maxMet {
			u.more++
			return
		}
		n = &metName{Name: p.Name, Product: product, Near: u.names.Near(p.Name)}
		u.met[key] = n
	}
	n.Times++
	if !at.IsZero() && (n.First.IsZero() || at.Before(n.First)) {
		n.First = at.UTC()
	}
	if at.After(n.Last) {
		n.Last = at.UTC()
	}
	n.at(where)
}

func (n *metName) at(where string) {
	if len(n.Where) < maxWhere && !slices.Contains(n.Where, where) {
		n.Where = append(n.Where, where)
	}
}

// print lists the names, those that were met most first.
func (u *unresolved) print(e *edges, format string) error {
	all := u.sorted()
	for i, n := range all {
		if format == "json" {
			enc := json.NewEncoder(e.out)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(n); err != nil {
				return err
			}
			continue
		}
		if i == 0 {
			fmt.Fprintf(e.out, "%6s  %-11s %-20s  %-20s  %s\n", "TIMES", "PRODUCT", "FIRST", "LAST", "NAME")
		}
		n.text(e.out)
	}
	fmt.Fprintf(e.err, "%d names that the estate does not know\n", len(all))
	if u.more > 0 {
		fmt.Fprintf(e.err, "and %d meetings with more names than can be listed\n", u.more)
	}
	return nil
}

func (u *unresolved) sorted() []*metName {
	return slices.SortedFunc(maps.Values(u.met), func(a, b *metName) int {
		return cmp.Or(b.Times-a.Times, cmp.Compare(a.Product, b.Product), cmp.Compare(a.Name, b.Name))
	})
}

func (n *metName) text(w io.Writer) {
	fmt.Fprintf(w, "%6d  %-11s %-20s  %-20s  %s\n", n.Times, printable(n.Product), when(n.First), when(n.Last), printable(n.Name))
	near := ""
	if n.Near != "" {
		near = "; perhaps " + n.Near
	}
	fmt.Fprintf(w, "        %s%s\n", printable(strings.Join(n.Where, "; ")), printable(near))
}

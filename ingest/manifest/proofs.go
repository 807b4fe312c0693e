package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"sidedoor/event"
)

// Bounds of the proofs that are held of one source.
const (
	proofsFor   = 14 * day // behind the newest
	maxProofs   = 10_000
	joinProofs  = 2_000 // from here on, those that follow one another become one
	heldFaults  = 5
	heldFault   = 200
	maxUnproved = 20
	expectedFor = 3 * day // how long a part is expected to go on proving
)

// proofs are what a source said of itself.
type proofs []event.Proof

// add takes in a proof. It replaces what was said of the same part and of no more
// than its period.
func (ps proofs) add(p event.Proof) proofs {
	if !p.From.Before(p.To) {
		return ps
	}
	p = fewFaults(p)
	ps = slices.DeleteFunc(ps, func(old event.Proof) bool {
		return samePart(old, p) && !old.From.Before(p.From) && !old.To.After(p.To)
	})
	return append(ps, p)
}

// prune lets go of proofs that are old and speak of no hour that is held, and
// joins what follows one another if there are many.
func (ps proofs) prune(held time.Time) proofs {
	newest := time.Time{}
	for _, p := range ps {
		newest = later(newest, p.To)
	}
	ps = slices.DeleteFunc(ps, func(p event.Proof) bool {
		return newest.Sub(p.To) > proofsFor && (held.IsZero() || held.Sub(p.To) > expectedFor)
	})
	if len(ps) > joinProofs {
		ps = ps.join()
	}
	if len(ps) > maxProofs {
		slices.SortStableFunc(ps, func(a, b event.Proof) int { return a.To.Compare(b.To) })
		ps = slices.Delete(ps, 0, len(ps)-maxProofs)
	}
	return ps
}

// with are these proofs and later ones.
func (ps proofs) with(more proofs) proofs {
	out := slices.Clone(more)
	for _, p := range ps {
		said := slices.ContainsFunc(more, func(n event.Proof) bool {
			return samePart(n, p) && !p.From.Before(n.From) && !p.To.After(n.To)
		})
		if !said {
			out = append(out, p)
		}
	}
	return out
}

// join makes one of proofs that agree and follow one another.
func (ps proofs) join() proofs {
	slices.SortStableFunc(ps, func(a, b event.Proof) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Part, b.Part), a.From.Compare(b.From))
	})
	out := ps[:0]
	for _, p := range ps {
		if n := len(out) - 1; n >= 0 && samePart(out[n], p) && agrees(out[n]) && agrees(p) && !p.From.After(out[n].To) {
			out[n].To = later(out[n].To, p.To)
			out[n].Items += p.Items
			out[n].Recovered += p.Recovered
			continue
		}
		out = append(out, p)
	}
	return out
}

// of returns the proofs that speak of a period, the worst first.
func (ps proofs) of(from, to time.Time) proofs {
	var out proofs
	for _, p := range ps {
		if p.From.Before(to) && p.To.After(from) {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b event.Proof) int {
		switch {
		case a.Verdict.Worse(b.Verdict):
			return -1
		case b.Verdict.Worse(a.Verdict):
			return 1
		}
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Part, b.Part), a.From.Compare(b.From), a.To.Compare(b.To))
	})
	return out
}

// parts says which parts that are expected to prove the period do so for the
// whole of it, and which do not.
func (ps proofs) parts(from, to time.Time) (proved, unproved []string) {
	type part struct {
		kind event.ProofKind
		name string
	}
	spans := map[part]proofs{}
	for _, p := range ps {
		if p.From.Before(to) && p.To.After(from.Add(-expectedFor)) {
			k := part{p.Kind, p.Part}
			spans[k] = append(spans[k], p)
		}
	}
	for k, of := range spans {
		name := k.name
		if name == "" {
			name = string(k.kind)
		}
		if of.cover(from, to) {
			proved = append(proved, name)
		} else {
			unproved = append(unproved, name)
		}
	}
	slices.Sort(proved)
	slices.Sort(unproved)
	return proved, unproved
}

// cover says whether those that agree cover the period together.
func (ps proofs) cover(from, to time.Time) bool {
	slices.SortFunc(ps, func(a, b event.Proof) int { return a.From.Compare(b.From) })
	for _, p := range ps {
		if agrees(p) && !p.From.After(from) {
			from = later(from, p.To)
		}
	}
	return !from.Before(to)
}

// completeness is the verdict of the proofs on a period: Missing or Altered if
// any says so, Complete if all parts cover it, and else nothing.
func (ps proofs) completeness(from, to time.Time) (c event.Completeness, unproved []string) {
	for _, p := range ps.of(from, to) {
		if !agrees(p) && (c == "" || p.Verdict.Worse(c)) {
			c = p.Verdict
		}
	}
	proved, unproved := ps.parts(from, to)
	if more := len(unproved) - maxUnproved; more > 0 {
		unproved = append(unproved[:maxUnproved:maxUnproved], fmt.Sprintf("and %d more", more))
	}
	if c == "" && len(proved) > 0 && len(unproved) == 0 && len(ps) < maxProofs { // else some were let go
		c = event.Complete
	}
	return c, unproved
}

func samePart(a, b event.Proof) bool { return a.Kind == b.Kind && a.Part == b.Part }

func agrees(p event.Proof) bool { return p.Verdict == event.Complete }

// fewFaults cuts a proof's faults to what is held in memory and in each manifest;
// the proof itself stays on the stream.
func fewFaults(p event.Proof) event.Proof {
	if p.Verdict != event.Complete && p.Verdict != event.Altered {
		p.Verdict = event.Missing // what is none of the three is not taken for good
	}
	p = p.Bound()
	if more := len(p.Faults) - heldFaults; more > 0 {
		p.Faults = append(p.Faults[:heldFaults:heldFaults], fmt.Sprintf("and %d more", more))
	}
	for i, f := range p.Faults {
		p.Faults[i] = strings.ToValidUTF8(f[:min(len(f), heldFault)], "")
	}
	return p
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

package judge

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"sidedoor/event"
)

// Bounds on one inquiry: hostile approvals could lead on from each other for
// ever, or fan out.
const (
	maxLinks    = 8       // in a row
	maxFollowed = 10_000  // links
	maxWeighed  = 100_000 // approvals, for links
	maxSessions = 8       // in a row
	maxRelied   = 64      // approvals that a verdict is said to rest on
)

// inquiry looks for what approves an act. It notes all that it asked for, so
// that the act is looked at again when an answer changes.
type inquiry struct {
	j       *Judge
	asked   *questions
	asks    int // the act's own requirements, with those that belong to them
	follows int // left of maxFollowed
	weighs  int // left of maxWeighed; negative once they were too many

	// What was worked out already, if anything was: it takes long where much is
	// held of one thing.
	began  map[string]event.Party // who began a session; nobody if that is not known
	stated map[event.FactRef]map[string][]time.Time
}

// answer is what was found for a requirement. It means something only up to the
// next inquiry, for which its findings are used again.
type answer struct {
	why      event.Why // what all of it is worth; empty if nothing came near
	since    time.Time
	findings []*finding // the decisive one first; of those that do not count only the nearest
	total    int        // how many came near the act itself
}

// counts says whether the requirement is met, be it late.
func (a answer) counts() bool { return a.why == event.Covers || a.why == event.RecordedAfter }

// state is the verdict on an act if nothing else comes.
func (a answer) state() event.State {
	switch a.why {
	case event.Covers:
		return event.Approved
	case event.RecordedAfter:
		return event.ApprovedLate
	}
	return event.Bypass
}

// inquire looks for what approves the act, and has it wait for what it asked.
func (j *Judge) inquire(a *act) answer {
	j.desk.clear()
	q := &inquiry{j: j, asked: &j.desk.asked, follows: maxFollowed, weighs: maxWeighed}
	a.actor = q.who(a.Match.Act.Actor)
	m := matter{at: a.Match.Event.At(), source: a.Match.Event.Source, actor: a.actor}
	var best answer
	var all []*finding
	for i := range a.Match.Act.ApprovedBy {
		found := q.meet(&a.Match.Act.ApprovedBy[i], &m, 0)
		if i == 0 || rank(found.why) < rank(best.why) {
			best = found
		}
		if i == 0 {
			all = found.findings
		} else {
			all = append(all, found.findings...)
		}
	}
	if len(a.Match.Act.ApprovedBy) > 1 {
		all = q.sorted(all, m.at)
	}
	if q.asks > 1 { // of one requirement each is there once
		all, q.j.desk.seen = once(all), unrepeated(q.j.desk.seen)
	}
	best.findings, best.total = all, len(q.j.desk.seen)
	j.acts.ask(a, q.asked.asked())
	return best
}

// meet looks for what meets a requirement and those that belong to it.
func (q *inquiry) meet(r *event.Requirement, m *matter, depth int) answer {
	all := q.meetOne(r, m, depth)
	if len(r.Also) == 0 {
		return all
	}
	for i := range r.Also {
		all = all.and(q.meet(&r.Also[i], m, depth))
	}
	all.findings = q.sorted(all.findings, m.at)
	return all
}

// and is the answer to two requirements together. If one is not met, what
// meets the other is not enough.
func (a answer) and(b answer) answer {
	if rank(b.why) > rank(a.why) {
		a.why = b.why
	}
	a.since = later(a.since, b.since)
	a.findings = append(a.findings, b.findings...)
	switch a.why {
	case event.Covers:
	case event.RecordedAfter:
		demote(a.findings, event.Covers)
	default:
		demote(a.findings, event.Covers, event.RecordedAfter)
	}
	return a
}

// relied returns the approvals that make it count, with their links.
func (a answer) relied() []token {
	if !a.counts() {
		return nil
	}
	all := make([]token, 0, min(len(a.findings), maxRelied))
	for _, f := range a.findings {
		if slices.Contains([]event.Why{event.Covers, event.RecordedAfter, event.NotEnough}, f.why) {
			all = f.relied(all)
		}
	}
	return all
}

func (f *finding) relied(all []token) []token {
	if len(all) < maxRelied {
		all = append(all, f.approval.token())
	}
	for _, l := range f.links {
		all = l.relied(all)
	}
	return all
}

// demote makes what counts alone count no more.
func demote(list []*finding, counting ...event.Why) {
	for _, f := range list {
		if slices.Contains(counting, f.why) {
			f.why = event.NotEnough
		}
	}
}

// meetOne looks for what meets the requirement itself. Links are followed from
// the nearest approval on, so that which of too many are not does not depend on
// the order in which they came.
func (q *inquiry) meetOne(r *event.Requirement, m *matter, depth int) answer {
	var a answer
	near := q.near(r, m)
	if depth > 0 {
		if q.weighs -= len(near); q.weighs < 0 {
			return a
		}
	}
	if depth == 0 {
		q.j.desk.seen = append(q.j.desk.seen, near...)
		q.asks++
	}
	q.j.desk.fetch(near)
	most := 4 * event.MaxConsidered
	a.findings = make([]*finding, 0, min(len(near), most+1))
	for _, p := range near {
		f := q.j.desk.take()
		f.begin(p, &q.j.desk.texts)
		q.weigh(f, r, m)
		if a.findings = append(a.findings, f); len(a.findings) > most {
			a.findings = q.nearest(a.findings, m.at)
			most = max(most, 2*len(a.findings))
		}
	}
	a.findings = q.sorted(a.findings, m.at)
	for _, f := range a.findings {
		if f.why == "" {
			q.conclude(f, r, m, depth)
		}
	}
	a.findings = q.nearest(a.findings, m.at)
	if len(a.findings) > 0 {
		a.why, a.since = q.enough(a.findings, max(r.Approvers, 1))
		a.findings = q.sorted(a.findings, m.at) // some may count alone no more
	}
	return a
}

// enough says what the approvals of a requirement are worth together, if so
// many people have to approve, and since when they are.
func (q *inquiry) enough(list []*finding, people int) (event.Why, time.Time) {
	earliest := func(x, y *finding) int {
		return cmp.Or(cmp.Compare(rank(x.why), rank(y.why)), x.since.Compare(y.since))
	}
	if first := slices.MinFunc(list, earliest); people == 1 && first.alone() {
		return first.why, first.since
	}
	byTime := slices.Clone(list)
	slices.SortStableFunc(byTime, earliest)
	var since time.Time
	var approvers []event.Party
	for _, f := range byTime {
		if !f.alone() {
			break
		}
		by := q.who(f.weighed().Approver)
		by = event.Party{Person: cmp.Or(by.Owner, by.Person)} // through a bot it is still one person
		if people > 1 && anyPerson(approvers, by) {
			continue
		}
		approvers, since = append(approvers, by), later(since, f.since)
		if len(approvers) < people {
			continue
		}
		if f.why == event.RecordedAfter {
			demote(list, event.Covers)
		}
		return f.why, since
	}
	demote(list, event.Covers, event.RecordedAfter)
	return list[0].why, time.Time{}
}

// near returns the approvals of the required kind that cover the required scope
// or, where the approval has to name the actor, name this one. All others have
// nothing to do with it. The list is good up to the next call.
func (q *inquiry) near(r *event.Requirement, m *matter) []held {
	q.ask(r.Kind, r.Scope)
	found := q.j.approvals.covering(q.j.desk.near[:0], r.Kind, r.Scope)
	for _, wider := range r.Within {
		q.ask(r.Kind, wider)
		found = q.j.approvals.covering(found, r.Kind, wider)
	}
	if r.SameActor {
		found = q.j.approvals.naming(found, r.Kind, m.actor.Person)
	}
	q.j.desk.near = unrepeated(found)
	return q.j.desk.near
}

// unrepeated is the list without what is there twice, in another order.
func unrepeated(list []held) []held {
	slices.SortFunc(list, func(a, b held) int { return cmp.Compare(a.n, b.n) })
	return slices.Compact(list)
}

// follow looks for what the approval requires itself, and says whether all of
// it is there.
func (q *inquiry) follow(f *finding, depth int) bool {
	ap := f.weighed()
	m := matter{at: ap.Recorded, source: f.source(), actor: q.who(ap.Actor)}
	requires := f.requires()
	for i := range requires {
		r := &requires[i]
		var link answer
		tooFar := depth == maxLinks
		if !tooFar {
			q.follows--
			if tooFar = q.follows < 0; !tooFar {
				link = q.meet(r, &m, depth+1)
				tooFar = q.weighs < 0
			}
		}
		if tooFar {
			f.detail = "links that lead too far"
			return false
		}
		if len(link.findings) > 0 {
			f.links = append(f.links, link.findings[0])
		}
		if !link.counts() {
			f.detail = missing(*r, link)
			return false
		}
		f.since = later(f.since, link.since)
	}
	return true
}

func (q *inquiry) ask(kind, scope string) { q.asked.note(key{kind, scope}) }

// factKey is the key by which acts ask for a fact. No kind of approval has a
// line break.
func factKey(ref event.FactRef) key { return key{"\n" + ref.Is, ref.Of} }

// isFact says whether the key asks for a fact.
func (k key) isFact() bool { return strings.HasPrefix(k.kind, "\n") }

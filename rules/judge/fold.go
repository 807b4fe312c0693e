package judge

import (
	"maps"
	"slices"

	"sidedoor/event"
)

// act takes in a new act; a correlation's is of several events together. Its
// verdict is stated when its grace has passed, and from all that is known then:
// so it does not depend on the order in which that came.
func (j *Judge) act(m event.Match, id string, of *event.Together, parts []event.Part) {
	if j.acts.byID[id] != nil || j.settled.has(id) {
		return
	}
	a := &act{
		ID: id, Match: bounded(m), Together: of, Parts: boundedParts(parts), Stored: j.clock, State: event.Pending,
	}
	j.acts.add(a)
	if len(a.Match.Act.ApprovedBy) == 0 && a.Match.Act.Actor.Session == "" { // nothing can change it
		j.settle(a, event.Bypass, j.inquire(a))
		return
	}
	j.timers = append(j.timers, event.Timer{Match: id, Due: a.graceEnd()})
}

// approval takes in a new approval and looks at the acts that it may concern.
func (j *Judge) approval(m event.Match, id string) {
	m = bounded(m)
	if _, fresh := j.approvals.add(m, id, j.clock, j.cfg); fresh {
		j.reconsider(j.acts.concernedBy(m.Approval.Kind, m.Approval.Covers))
	}
}

// revocation takes approvals back, and looks at the acts that they concern.
func (j *Judge) revocation(m event.Match, id string) {
	r := &revocation{ID: id, Revocation: *bounded(m).Revocation}
	if !j.revocations.add(r) {
		return
	}
	what := r.Revocation
	if what.Reference == "" {
		j.reconsider(j.acts.concernedBy(what.Kind, what.Covers))
		return
	}
	covered := map[string]struct{}{}
	for p := range j.approvals.referenced(what.Kind, what.Reference) {
		covered[p.match().Approval.Covers] = struct{}{}
	}
	for _, pattern := range slices.Sorted(maps.Keys(covered)) {
		j.reconsider(j.acts.concernedBy(what.Kind, pattern))
	}
}

// fact takes in what somebody is to something, and looks at the acts for which
// that was asked.
func (j *Judge) fact(f event.Fact, id string) {
	f = boundedFact(f)
	if j.facts.add(f, id, j.clock) {
		j.reconsider(j.acts.concernedByFact(event.FactRef{Is: f.Is, Of: f.Of}))
	}
}

// reconsider judges acts again whose grace has passed. What now looks worse is
// stated at once: that a source is behind does not bring an approval back that
// was taken.
func (j *Judge) reconsider(acts []*act) {
	for _, a := range acts {
		if a.State == event.Pending && !a.Waiting {
			continue // its timer comes
		}
		found := j.inquire(a)
		state := found.state()
		switch {
		case a.Waiting && len(j.behind(a)) == 0: // it no longer asks for what it waited for
			j.settle(a, state, found)
		case state == a.State && found.counts() && !j.forgot(a): // perhaps by others
			a.Relied = found.relied()
		case nearness(state) > nearness(a.State):
			j.settle(a, state, found)
		case state == a.State || a.State == event.Pending || a.State == event.Undetermined || j.forgot(a):
		case state == event.Bypass && len(j.behind(a)) > 0:
			j.await(a, j.behind(a)[0])
			j.settle(a, event.Undetermined, found)
		default:
			j.settle(a, state, found)
		}
	}
}

// nearness orders states by how near they are to approved. A pending act may
// still become anything, so only approval is stated before its time.
func nearness(s event.State) int {
	return slices.Index([]event.State{event.Bypass, event.Undetermined, event.ApprovedLate, event.Pending, event.Approved}, s)
}

// forgot says whether something that the act was approved by is no longer held:
// then what is held says nothing against it.
func (j *Judge) forgot(a *act) bool {
	return slices.ContainsFunc(a.Relied, func(t token) bool { return !j.approvals.has(t) })
}

// timer looks at a pending act whose grace or limit has passed.
func (j *Judge) timer(t event.Timer) {
	a := j.acts.byID[t.Match]
	if a == nil || a.State != event.Pending || t.Due.Before(a.graceEnd()) {
		return
	}
	limitPassed := !t.Due.Before(a.limitEnd())
	if a.Waiting && !limitPassed {
		return // the timer of the grace, again
	}
	j.conclude(a)
	if a.State != event.Pending {
		return
	}
	if limitPassed {
		j.giveUp(a)
		return
	}
	j.timers = append(j.timers, event.Timer{Match: a.ID, Due: a.limitEnd()})
}

// conclude judges an act whose grace has passed, unless a source that could
// have approved it is behind: then the act waits for that source's mark.
func (j *Judge) conclude(a *act) {
	found := j.inquire(a)
	state := found.state()
	if state != event.Approved {
		if behind := j.behind(a); len(behind) > 0 {
			j.await(a, behind[0])
			return
		}
	}
	j.settle(a, state, found)
}

// giveUp judges a pending act by what is known: what looks like a bypass is
// undetermined, since an approval may exist.
func (j *Judge) giveUp(a *act) {
	found := j.inquire(a)
	state := found.state()
	if state == event.Bypass {
		state = event.Undetermined
	}
	j.settle(a, state, found)
}

// settle revises an act's verdict and the alert that it belongs to.
func (j *Judge) settle(a *act, state event.State, found answer) {
	old := a.State
	if state == old {
		return
	}
	if a.Alert == "" && state != event.Approved {
		j.alerts.join(a, j.cfg.Burst)
		old = event.Pending // for the alert the act is new
	}
	if a.Waiting && state != event.Undetermined {
		j.release(a)
	}
	j.acts.revise(a, state)
	a.Relied = found.relied()
	v := j.verdict(a, found)
	j.records = append(j.records, v.Record(j.now))
	if a.Alert != "" {
		j.records = append(j.records, event.AlertRecord(j.alerts.revise(a, old, v), j.now))
	}
	for _, p := range a.Parts {
		if slices.Contains(p.Verdicts, state) {
			j.contribute(p, a.Match.Event)
		}
	}
}

// forget lets go of what is too old, or too much. Contributions come first, since
// they may end as acts.
func (j *Judge) forget() {
	j.forgetContributions()
	for a := j.acts.oldest(); a != nil; a = j.acts.oldest() {
		crowded := j.acts.len() > j.cfg.MaxHeld
		if crowded {
			a = j.acts.dispensable()
		} else if !j.clock.After(a.Stored.Add(j.cfg.Memory)) {
			break
		}
		if a.State == event.Pending { // nothing vanishes without a verdict
			j.giveUp(a)
		}
		if crowded && a.calm == nil {
			j.letGo++
		}
		j.leave(a)
	}
	j.letGo += j.approvals.forget(j.clock, j.cfg) + j.revocations.forget(j.cfg.MaxHeld) + j.facts.forget(j.cfg)
	j.settled.forget(j.clock, j.cfg)
}

// leave stops holding an act. Its ID is remembered, since judging it again
// would give another verdict under the same identity.
func (j *Judge) leave(a *act) {
	if a.Waiting {
		j.release(a)
	}
	j.acts.drop(a)
	j.alerts.leave(a)
	j.settled.add(a.ID, j.clock)
}

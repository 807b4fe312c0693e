package judge

import (
	"sidedoor/event"
)

// act takes in a new act; a correlation's is of several events together.
func (j *Judge) act(m event.Match, of *event.Together) {
	id := m.ID()
	if j.acts.byID[id] != nil || j.settled.has(id) {
		return
	}
	a := &act{ID: id, Opens: event.AlertID(m), Match: bounded(m), Together: of, Stored: j.clock, State: event.Pending}
	j.acts.add(a)
	view := j.weigh(a)
	if view.state() == event.Approved || len(a.Match.Act.ApprovedBy) == 0 {
		j.settle(a, view.state(), view)
		return
	}
	j.timers = append(j.timers, event.Timer{Match: id, Due: a.graceEnd()})
}

// approval takes in a new approval and looks at the open acts that it may
// concern.
func (j *Judge) approval(m event.Match) {
	id := m.ID()
	m = bounded(m)
	if _, fresh := j.approvals.add(m, id, j.clock, j.cfg); !fresh {
		return
	}
	for _, a := range j.acts.concernedBy(m.Approval) {
		switch best(a.Match, m) {
		case event.Covers:
			j.settle(a, event.Approved, j.weigh(a))
		case event.RecordedAfter:
			// While the act is pending, an approval that was recorded in time
			// may still arrive; once it is judged, this one amends the verdict.
			if a.State == event.Bypass || a.State == event.Undetermined {
				j.settle(a, event.ApprovedLate, j.weigh(a))
			}
		}
	}
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
	if behind := j.behind(a); len(behind) > 0 {
		j.await(a, behind[0])
		return
	}
	view := j.weigh(a)
	j.settle(a, view.state(), view)
}

// giveUp judges a pending act by what is known: what looks like a bypass is
// undetermined, since an approval may exist.
func (j *Judge) giveUp(a *act) {
	view := j.weigh(a)
	state := view.state()
	if state == event.Bypass {
		state = event.Undetermined
	}
	j.settle(a, state, view)
}

// settle revises an act's verdict and the alert that it belongs to.
func (j *Judge) settle(a *act, state event.State, view view) {
	old := a.State
	if state == old {
		return
	}
	if a.Alert == "" && state != event.Approved {
		j.alerts.join(a, j.cfg.Burst)
	}
	if a.Waiting && state != event.Undetermined {
		j.release(a)
	}
	j.acts.revise(a, state)
	v := j.verdict(a, view)
	j.records = append(j.records, event.VerdictRecord(v, j.now))
	switch {
	case a.Alert != "":
		j.records = append(j.records, event.AlertRecord(j.alerts.revise(a, old, v), j.now))
	default: // approved in time, which is final: all that can still come is a duplicate
		j.leave(a)
	}
}

// forget lets go of what is too old, or too much. Contributions come first, since
// they may end as acts.
func (j *Judge) forget() {
	j.forgetContributions()
	for a := j.acts.oldest(); a != nil; a = j.acts.oldest() {
		crowded := j.acts.len() > j.cfg.MaxHeld
		if !crowded && !j.clock.After(a.Stored.Add(j.cfg.Memory)) {
			break
		}
		if a.State == event.Pending { // nothing vanishes without a verdict
			j.giveUp(a)
		}
		if crowded {
			j.letGo++
		}
		j.leave(a)
	}
	j.letGo += j.approvals.forget(j.clock, j.cfg) + j.facts.forget(j.cfg)
	j.settled.forget(j.clock, j.cfg)
}

// leave stops holding an act. Its ID is remembered, since judging it again
// would give another verdict under the same identity.
func (j *Judge) leave(a *act) {
	if j.acts.byID[a.ID] != a {
		return // giveUp found it approved, and let it go
	}
	if a.Waiting {
		j.release(a)
	}
	j.acts.drop(a)
	j.alerts.leave(a)
	j.settled.add(a.ID, j.clock)
}

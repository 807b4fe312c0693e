package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sidedoor/event"
)

// reason says in one sentence why the verdict is what it is.
func (j *Judge) reason(a *act, v view, behind []string) string {
	switch a.State {
	case event.Approved:
		return "approved by " + approvalName(v.considered[0])
	case event.ApprovedLate:
		c := v.considered[0]
		return fmt.Sprintf("approved only afterwards: %s was recorded at %s, the act was at %s",
			approvalName(c), clock(c.Recorded), clock(a.Match.Event.At()))
	case event.Undetermined:
		if v.crowded {
			return "cannot tell: too many acts were waiting for their verdict"
		}
		return j.behindReason(a, behind)
	}
	return j.bypassReason(a, v)
}

func (j *Judge) behindReason(a *act, behind []string) string {
	parts := make([]string, len(behind))
	for i, name := range behind {
		through := j.sources[name].Through
		if through.IsZero() {
			parts[i] = fmt.Sprintf("source %s has not been heard", name)
		} else {
			parts[i] = fmt.Sprintf("source %s is complete only up to %s", name, clock(through))
		}
	}
	return fmt.Sprintf("cannot tell: %s, and the approval could have come until %s", strings.Join(parts, ", "), clock(a.GraceDue))
}

func (j *Judge) bypassReason(a *act, v view) string {
	act := a.Match.Act
	if len(act.ApprovedBy) == 0 {
		return "nothing can approve this: each occurrence has to be reviewed"
	}
	wanted := make([]string, 0, len(act.ApprovedBy))
	for _, r := range act.ApprovedBy {
		w := fmt.Sprintf("%s for %s", r.Kind, r.Scope)
		if r.SameActor {
			w += " by " + act.Actor.Person
		}
		wanted = append(wanted, w)
	}
	s := "no " + strings.Join(wanted, ", nor ")
	for i, c := range v.considered {
		if i == 3 {
			s += fmt.Sprintf("; and %d more that do not count", len(v.considered)-i)
			break
		}
		s += "; " + whyNot(c)
	}
	if missing := j.unprovided(act); len(missing) > 0 {
		s += "; no source provides " + strings.Join(missing, ", ")
	}
	return s
}

// unprovided lists the required kinds that no source in force can yield.
func (j *Judge) unprovided(a *event.Act) []string {
	var missing []string
	for _, r := range a.ApprovedBy {
		provided := false
		for _, s := range j.sources {
			provided = provided || slices.Contains(s.Provides, r.Kind)
		}
		if !provided && !slices.Contains(missing, r.Kind) {
			missing = append(missing, r.Kind)
		}
	}
	return missing
}

// whyNot says why an approval does not count.
func whyNot(c event.Considered) string {
	name := approvalName(c)
	switch c.Why {
	case event.OtherScope:
		return fmt.Sprintf("%s is for %s", name, orNothing(c.Covers))
	case event.OtherActor:
		return fmt.Sprintf("%s is for %s", name, orNobody(c.Actor.Person))
	case event.NoApprover:
		return name + " names no approver"
	case event.SelfApproved:
		return name + " was given by the person it is for"
	case event.NotYetValid:
		return fmt.Sprintf("%s was valid only from %s", name, clock(c.From))
	case event.Expired:
		return fmt.Sprintf("%s expired at %s", name, clock(c.Until))
	case event.RecordedAfter:
		return fmt.Sprintf("%s was recorded only at %s", name, clock(c.Recorded))
	}
	return name
}

func approvalName(c event.Considered) string {
	name := c.Kind
	if c.Reference != "" {
		name += " " + c.Reference
	}
	if c.Approver.Person != "" {
		name = c.Approver.Person + "'s " + name
	}
	return name
}

// sentence is what a person reads first: who did what where, and what was
// missing.
func sentence(a event.Alert, v event.Verdict) string {
	more := ""
	if a.Occurrences > 1 {
		more = fmt.Sprintf(" and %d more", a.Occurrences-1)
	}
	return clip(fmt.Sprintf("%s: %s, %s%s: %s", a.Rule.Title, a.Actor.Person, a.Resource, more, v.Reason), maxSentence)
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }

func orNobody(s string) string {
	if s == "" {
		return "nobody in particular"
	}
	return s
}

func orNothing(s string) string {
	if s == "" {
		return "nothing that could be read"
	}
	return s
}

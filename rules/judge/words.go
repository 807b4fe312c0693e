package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"sidedoor/event"
)

// maxListed bounds how many approvals or sources one sentence names.
const maxListed = 3

// reason says in one plain sentence why the verdict is what it is.
func (j *Judge) reason(a *act, v *event.Verdict) string {
	if t := a.Together; t != nil && t.Count > 1 {
		return line(fmt.Sprintf("%d events since %s together: ", t.Count, date(t.First)) + j.because(a, v))
	}
	return j.because(a, v)
}

func (j *Judge) because(a *act, v *event.Verdict) string {
	switch v.Verdict {
	case event.Approved:
		return line("approved by " + giver(&v.Considered[0]))
	case event.ApprovedLate:
		c := &v.Considered[0]
		return line(fmt.Sprintf("approved only after the act, by %s: recorded at %s", giver(c), date(counted(c))))
	case event.Undetermined:
		return line("cannot tell: " + j.behindWords(a, v.Behind))
	}
	if len(v.Required) == 0 {
		return "nothing can approve this: every occurrence is a bypass"
	}
	return line(j.missingWords(v))
}

// behindWords says which sources lack coverage.
func (j *Judge) behindWords(a *act, behind []string) string {
	if len(behind) == 0 {
		return "it had to be let go before its grace had passed"
	}
	needed := a.graceEnd()
	var parts []string
	for _, name := range behind[:min(len(behind), maxListed)] {
		through := j.sources[name].Through
		switch {
		case through.IsZero():
			parts = append(parts, fmt.Sprintf("source %s was never heard", name))
		case sameDay(through, needed):
			parts = append(parts, fmt.Sprintf("source %s is complete only up to %s UTC", name, hour(through)))
		default:
			parts = append(parts, fmt.Sprintf("source %s is complete only up to %s", name, date(through)))
		}
	}
	if more := len(behind) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("%d more sources are behind", more))
	}
	if through := j.sources[behind[0]].Through; sameDay(through, needed) {
		return strings.Join(parts, ", ") + ", needed " + hour(needed)
	}
	return strings.Join(parts, ", ") + ", needed " + date(needed)
}

// missingWords says what was missing, and why what is there does not count.
func (j *Judge) missingWords(v *event.Verdict) string {
	var s strings.Builder
	for i, r := range v.Required {
		s.WriteString([]string{"no ", ", and no "}[min(i, 1)])
		s.WriteString(wanted(r, v.Actor))
	}
	sep := ": "
	for i := range v.Considered[:min(len(v.Considered), maxListed)] {
		s.WriteString(sep + whyNot(&v.Considered[i]))
		sep = "; "
	}
	if more := len(v.Considered) + v.Omitted - maxListed; more > 0 {
		fmt.Fprintf(&s, "; %d more do not count", more)
	}
	var unprovided []string
	for _, kind := range kinds(v.Required) {
		if !j.provided(kind) && !slices.Contains(unprovided, kind) {
			unprovided = append(unprovided, kind)
		}
	}
	if len(unprovided) > 0 {
		s.WriteString(sep + "no source provides " + strings.Join(unprovided, " or "))
	}
	return s.String()
}

// wanted says what a requirement asks for.
func wanted(r event.Requirement, actor event.Party) string {
	s := fmt.Sprintf("%s for %s", r.Kind, orNothing(r.Scope))
	if r.SameActor {
		s += " by " + orNobody(actor)
	}
	if r.Approvers > 1 {
		s += fmt.Sprintf(" from %d people", r.Approvers)
	}
	if r.Group != "" {
		s += " of " + r.Group
	}
	for _, also := range r.Also {
		s += " together with " + wanted(also, actor)
	}
	return s
}

// missing says which link of an approval is not there, or does not count.
func missing(r event.Requirement, found answer) string {
	s := "no " + wanted(r, event.Party{})
	if len(found.findings) > 0 {
		var nearest event.Considered
		found.findings[0].considered(&nearest)
		s += ": " + whyNot(&nearest)
	}
	return s
}

// kinds are those that requirements ask for.
func kinds(list []event.Requirement) []string {
	var out []string
	for _, r := range list {
		out = append(append(out, r.Kind), kinds(r.Also)...)
	}
	return out
}

// whyNot says why an approval does not count.
func whyNot(c *event.Considered) string {
	name := strings.TrimSpace(c.Kind + " " + c.Reference)
	switch c.Why {
	case event.OtherScope:
		return fmt.Sprintf("%s is for %s", name, orNothing(c.Covers))
	case event.OtherActor:
		return fmt.Sprintf("%s is for %s", name, orNobody(c.Actor))
	case event.NoApprover:
		return name + " names no approver"
	case event.SelfApproved:
		if c.Detail != "" {
			return fmt.Sprintf("%s was approved by %s, who is %s", name, c.Approver.Person, c.Detail)
		}
		return fmt.Sprintf("%s was approved by %s, who is not independent", name, c.Approver.Person)
	case event.OtherGroup:
		return fmt.Sprintf("%s was approved by %s, who is not of the group that may", name, c.Approver.Person)
	case event.NewApprover:
		return fmt.Sprintf("%s was approved by %s, who got the right to only at %s", name, c.Approver.Person, c.Detail)
	case event.NotYetValid:
		return fmt.Sprintf("%s is valid only from %s", name, date(c.From))
	case event.Expired:
		return fmt.Sprintf("%s expired at %s", name, date(c.Until))
	case event.Revoked:
		return fmt.Sprintf("%s was revoked at %s", name, date(c.Revoked))
	case event.MissingLink:
		return fmt.Sprintf("%s has %s", name, c.Detail)
	case event.NotEnough:
		return fmt.Sprintf("%s by %s is not enough", name, orNobody(c.Approver))
	}
	return fmt.Sprintf("%s was recorded only at %s", name, date(counted(c)))
}

// giver names who approved, or what if nobody had to, and where to find it.
func giver(c *event.Considered) string {
	what := c.Reference
	if what == "" {
		what = c.Kind
	}
	if c.Approver.Person == "" {
		return strings.TrimSpace(c.Kind + " " + c.Reference)
	}
	return c.Approver.Person + " (" + what + ")"
}

// sentence is what a person reads first: who did what, where, and what was
// missing.
func sentence(a event.Alert, missing string) string {
	s := fmt.Sprintf("%s: %s, %s", orNobody(a.Actor), a.Rule.Title, orNothing(a.Resource))
	if a.Occurrences > 1 {
		s += fmt.Sprintf(" and %d more", a.Occurrences-1)
	}
	if !strings.Contains(a.Resource, a.Scope) {
		s += " in " + a.Scope
	}
	return line(s + ": " + missing)
}

// line keeps a sentence on one line and to a bound: names come from events,
// and may hold anything.
func line(s string) string {
	if isPlain(s) {
		return clip(s, maxSentence)
	}
	return clip(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s), maxSentence)
}

// isPlain says whether all of it is printable ASCII, as most sentences are.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02 ") + hour(t) + " UTC" }

func hour(t time.Time) string {
	if t.Second() == 0 {
		return t.UTC().Format("15:04")
	}
	return t.UTC().Format("15:04:05")
}

func sameDay(a, b time.Time) bool {
	return a.UTC().Format(time.DateOnly) == b.UTC().Format(time.DateOnly)
}

func orNobody(p event.Party) string {
	if p.Person == "" {
		return "somebody unnamed"
	}
	return p.Person
}

func orNothing(s string) string {
	if s == "" {
		return "something unnamed"
	}
	return s
}

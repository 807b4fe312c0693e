package rules

import (
	"maps"
	"slices"
	"strings"

	"sidedoor/rules/sigma"
)

// meaning reads the blocks that say what a rule's match means.
func (r *reader) meaning(rule *Rule) {
	control, hasControl := rule.Extra["control"]
	facts, hasFacts := rule.Extra["facts"]
	if hasFacts {
		rule.Facts = r.facts(facts)
	}
	is := r.block(rule)
	switch {
	case hasControl && is != "":
		r.fault(control.KeyNode, "control belongs into the act block")
	case hasControl:
		rule.Act = detectionOnly(rule.LogSource)
		rule.Act.Control, rule.Act.node = r.scalar(control.Value, "control"), control.Value
	case is == "" && !hasFacts:
		rule.Act = detectionOnly(rule.LogSource)
	}
	if tests, ok := rule.Extra["tests"]; ok {
		rule.Tests = r.tests(tests.Value, rule.LogSource)
	}
	r.misspelt(rule.Extra)
}

// block reads the one block that says what a match is, and returns its name.
func (r *reader) block(rule *Rule) (is string) {
	for _, b := range []struct {
		name string
		read func(sigma.Pair)
	}{
		{"act", func(p sigma.Pair) { rule.Act = r.act(p.Value) }},
		{"approval", func(p sigma.Pair) { rule.Approval = r.approval(p.Value) }},
		{"revocation", func(p sigma.Pair) { rule.Revocation = r.revocation(p.Value) }},
	} {
		p, ok := rule.Extra[b.name]
		switch {
		case !ok:
		case is != "":
			r.fault(p.KeyNode, "a rule is an act, an approval or a revocation, and this one is an %s already", is)
		default:
			is = b.name
			b.read(p)
		}
	}
	return is
}

// misspelt finds keys that are almost ours: an approval that is not read as
// one would be a detection, whose every match is a bypass. Other keys are the
// author's own.
func (r *reader) misspelt(extra map[string]sigma.Pair) {
	ours := []string{"act", "approval", "control", "facts", "revocation", "runbook", "tests", "verdict"}
	for _, key := range slices.Sorted(maps.Keys(extra)) {
		near := slices.DeleteFunc(slices.Clone(ours), func(word string) bool {
			// Nearly anything short is near to these two.
			short := word == "act" || word == "facts"
			return short && !strings.HasPrefix(strings.ToLower(key), word[:3])
		})
		if hint := sigma.Suggest(key, near); hint != "" && !slices.Contains(ours, key) {
			r.fault(extra[key].KeyNode, "a rule has no key %q%s", key, hint)
		}
	}
}

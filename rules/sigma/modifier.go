package sigma

import (
	"slices"
	"strings"
)

// modifiers are what stands behind a field's name, separated by '|'.
type modifiers struct {
	contains, startswith, endswith, all, re, cidr, exists, cased, expand, fieldref bool

	compare string // lt, lte, gt, gte
	flags   string // of re: i, m, s
}

var knownModifiers = []string{
	"contains", "startswith", "endswith", "all", "re", "i", "m", "s", "cidr", "exists", "lt", "lte", "gt", "gte",
	"cased", "expand", "fieldref",
}

// laterModifiers are in the specification and not in this version.
var laterModifiers = []string{
	"base64", "base64offset", "utf16", "utf16le", "utf16be", "wide", "windash", "neq", "minute", "hour", "day", "week", "month", "year",
}

func (p *ruleParser) modifiers(pair Pair, names []string) modifiers {
	var m modifiers
	for i, n := range names {
		switch n {
		case "contains":
			m.contains = true
		case "startswith":
			m.startswith = true
		case "endswith":
			m.endswith = true
		case "all":
			m.all = true
		case "re":
			m.re = true
		case "i", "m", "s":
			if i == 0 || !m.re {
				p.fault(pair.KeyNode, "modifier %q is a flag of re and stands behind it: |re|%s", n, n)
			}
			m.flags += n
		case "cidr":
			m.cidr = true
		case "exists":
			m.exists = true
		case "lt", "lte", "gt", "gte":
			if m.compare != "" {
				p.fault(pair.KeyNode, "these modifiers exclude each other: %s, %s", m.compare, n)
			}
			m.compare = n
		case "cased":
			m.cased = true
		case "expand":
			m.expand = true
		case "fieldref":
			m.fieldref = true
		default:
			if slices.Contains(laterModifiers, n) {
				p.fault(pair.KeyNode, "modifier %q is not supported by this version", n)
			} else {
				p.fault(pair.KeyNode, "there is no modifier %q%s", n, suggest(n, knownModifiers))
			}
		}
	}
	if kinds := count(m.re, m.cidr, m.exists, m.compare != "", m.contains || m.startswith || m.endswith || m.fieldref); kinds > 1 {
		p.fault(pair.KeyNode, "these modifiers exclude each other: %s", strings.Join(names, ", "))
	}
	return m
}

func count(flags ...bool) int {
	n := 0
	for _, f := range flags {
		if f {
			n++
		}
	}
	return n
}

package engine

import "sidedoor/rules/sigma"

// Link makes a program of what rules ask, for benchmarks that make their rules.
func Link(sources []sigma.LogSource, rules []sigma.Expr) *Program {
	p, _ := Compile(nil, nil)
	for i, when := range rules {
		p.add(sources[i], when)
	}
	return p
}

// MatchStrictly is Match by way of the strict path alone.
func (m *Matcher) MatchStrictly(src sigma.LogSource, kind string, raw []byte) ([]int, error) {
	root, err := decode(raw)
	if err != nil {
		return nil, err
	}
	m.src, m.run = src, m.runOf(src)
	m.begin(kind)
	m.read(root, m.run.route.paths.nodes[0], everyMember)
	return m.run.matching(nil), nil
}

// ParseAddress is how networks read an address.
var ParseAddress = parseAddress

package engine

import (
	"bytes"

	"sidedoor/rules/sigma"
)

// expression is a compiled condition or selection.
type expression interface {
	// bind resolves field paths to the indexes of a route.
	bind(r *route) expression
	eval(m *Matcher) bool
}

type (
	allExpr []expression
	anyExpr []expression
	notExpr struct{ of expression }

	// test asks whether any value of a field satisfies a predicate.
	test struct {
		path  string
		index int
		is    predicate
		folds bool
	}
	// isNull asks whether a field is absent or null.
	isNull struct{ path string }
	// present asks whether a field is there, with whatever value.
	present struct{ path string }
	// sameAs compares a field with another one.
	sameAs struct {
		path, other string
		how         *sigma.Predicate
	}
)

func bindAll(list []expression, r *route) []expression {
	out := make([]expression, len(list))
	for i, e := range list {
		out[i] = e.bind(r)
	}
	return out
}

func (a allExpr) bind(r *route) expression { return allExpr(bindAll(a, r)) }
func (a anyExpr) bind(r *route) expression { return anyExpr(bindAll(a, r)) }
func (n notExpr) bind(r *route) expression { return notExpr{n.of.bind(r)} }

func (a allExpr) eval(m *Matcher) bool {
	for _, e := range a {
		if !e.eval(m) {
			return false
		}
	}
	return true
}

func (a anyExpr) eval(m *Matcher) bool {
	for _, e := range a {
		if e.eval(m) {
			return true
		}
	}
	return false
}

func (n notExpr) eval(m *Matcher) bool { return !n.of.eval(m) }

func (t test) bind(r *route) expression {
	if t.path == "" {
		return keyword{t.is, t.is.folds()}
	}
	t.index, t.folds = r.index(t.path), t.is.folds()
	return &t
}

func (t test) eval(m *Matcher) bool {
	values := m.fields[t.index]
	for i := range values {
		v := &values[i]
		if v.composite() {
			continue
		}
		if t.folds {
			m.fold(v)
		}
		if t.is.holds(v) {
			return true
		}
	}
	return false
}

// keyword asks whether any text of the event satisfies a predicate.
type keyword struct {
	is    predicate
	folds bool
}

func (k keyword) bind(*route) expression { return k }

func (k keyword) eval(m *Matcher) bool {
	for i := range m.texts {
		if k.folds {
			m.fold(&m.texts[i])
		}
		if k.is.holds(&m.texts[i]) {
			return true
		}
	}
	return false
}

type boundNull struct{ index int }

func (n isNull) bind(r *route) expression { return boundNull{r.index(n.path)} }
func (isNull) eval(*Matcher) bool         { return false }

func (n boundNull) bind(*route) expression { return n }

func (n boundNull) eval(m *Matcher) bool {
	values := m.fields[n.index]
	for i := range values {
		if values[i].kind != kindNull {
			return false
		}
	}
	return true
}

type boundPresent struct{ index int }

func (p present) bind(r *route) expression { return boundPresent{r.index(p.path)} }
func (present) eval(*Matcher) bool         { return false }

func (p boundPresent) bind(*route) expression { return p }
func (p boundPresent) eval(m *Matcher) bool   { return len(m.fields[p.index]) > 0 }

type boundSame struct {
	a, b int
	how  *sigma.Predicate
}

func (s sameAs) bind(r *route) expression {
	return boundSame{a: r.index(s.path), b: r.index(s.other), how: s.how}
}
func (sameAs) eval(*Matcher) bool { return false }

func (s boundSame) bind(*route) expression { return s }

func (s boundSame) eval(m *Matcher) bool {
	as, bs := m.fields[s.a], m.fields[s.b]
	for i := range as {
		for k := range bs {
			if s.same(m, &as[i], &bs[k]) {
				return true
			}
		}
	}
	return false
}

func (s boundSame) same(m *Matcher, a, b *found) bool {
	if a.composite() || b.composite() || a.kind == kindNull || b.kind == kindNull {
		return false
	}
	x, y := a.text, b.text
	if !s.how.Cased {
		m.fold(a)
		m.fold(b)
		x, y = a.folded, b.folded
	}
	switch {
	case s.how.Contains:
		return bytes.Contains(x, y)
	case s.how.StartsWith:
		return bytes.HasPrefix(x, y)
	case s.how.EndsWith:
		return bytes.HasSuffix(x, y)
	}
	return bytes.Equal(x, y)
}

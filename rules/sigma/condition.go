package sigma

import (
	"fmt"
	"strings"
)

// condition is a parsed condition: a tree over the names of selections.
type condition interface{ condition() }

type (
	allOf  []condition              // and
	anyOf  []condition              // or
	negate struct{ of condition }   // not
	named  struct{ name string }    // one selection
	some   struct{ pattern string } // 1 of pattern
	every  struct{ pattern string } // all of pattern
)

func (allOf) condition()  {}
func (anyOf) condition()  {}
func (negate) condition() {}
func (named) condition()  {}
func (some) condition()   {}
func (every) condition()  {}

// maxConditionDepth bounds how deep a condition may nest.
const maxConditionDepth = 100

// parseCondition reads a condition: not binds before and, and before or; the
// words are not case-sensitive.
//
// Grammar: Sigma specification 2.1, "Condition".
func parseCondition(s string) (condition, error) {
	if strings.Contains(s, "|") {
		return nil, fmt.Errorf("aggregations behind '|' were removed from Sigma; this version does not run them")
	}
	p := &conditionParser{tokens: conditionTokens(s)}
	c, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if p.at < len(p.tokens) {
		return nil, fmt.Errorf("%q is not expected here; join selections by and, or", p.tokens[p.at])
	}
	return c, nil
}

func conditionTokens(s string) []string {
	s = strings.ReplaceAll(strings.ReplaceAll(s, "(", " ( "), ")", " ) ")
	return strings.Fields(s)
}

type conditionParser struct {
	tokens []string
	at     int
}

// word consumes the next token if it is w.
func (p *conditionParser) word(w string) bool {
	if p.at < len(p.tokens) && strings.EqualFold(p.tokens[p.at], w) {
		p.at++
		return true
	}
	return false
}

func (p *conditionParser) next() (string, error) {
	if p.at == len(p.tokens) {
		return "", fmt.Errorf("the condition ends where a selection is expected")
	}
	p.at++
	return p.tokens[p.at-1], nil
}

func (p *conditionParser) or(depth int) (condition, error) {
	first, err := p.and(depth)
	if err != nil {
		return nil, err
	}
	list := anyOf{first}
	for p.word("or") {
		c, err := p.and(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	if len(list) == 1 {
		return first, nil
	}
	return list, nil
}

func (p *conditionParser) and(depth int) (condition, error) {
	first, err := p.not(depth)
	if err != nil {
		return nil, err
	}
	list := allOf{first}
	for p.word("and") {
		c, err := p.not(depth)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	if len(list) == 1 {
		return first, nil
	}
	return list, nil
}

func (p *conditionParser) not(depth int) (condition, error) {
	if depth > maxConditionDepth {
		return nil, fmt.Errorf("the condition nests deeper than %d levels", maxConditionDepth)
	}
	if p.word("not") {
		c, err := p.not(depth + 1)
		return negate{c}, err
	}
	if p.word("(") {
		c, err := p.or(depth + 1)
		if err == nil && !p.word(")") {
			err = fmt.Errorf("a closing parenthesis is missing")
		}
		return c, err
	}
	return p.selection()
}

func (p *conditionParser) selection() (condition, error) {
	t, err := p.next()
	if err != nil {
		return nil, err
	}
	one, all := t == "1" || strings.EqualFold(t, "any"), strings.EqualFold(t, "all")
	if (one || all) && p.word("of") {
		pattern, err := p.next()
		if err != nil {
			return nil, err
		}
		if all {
			return every{pattern}, nil
		}
		return some{pattern}, nil
	}
	switch strings.ToLower(t) {
	case ")", "(", "and", "or", "of":
		return nil, fmt.Errorf("%q is not expected here; a selection is", t)
	}
	return named{t}, nil
}

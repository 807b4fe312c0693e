package sigma

import (
	"fmt"
	"strings"
	"unicode"
)

// condition is a parsed condition: a tree over the names of selections.
type condition interface{ condition() }

type (
	allOf  []condition            // and
	anyOf  []condition            // or
	negate struct{ of condition } // not
	named  struct{ name word }    // one selection
	some   struct{ pattern word } // 1 of pattern
	every  struct{ pattern word } // all of pattern
)

func (allOf) condition()  {}
func (anyOf) condition()  {}
func (negate) condition() {}
func (named) condition()  {}
func (some) condition()   {}
func (every) condition()  {}

// maxConditionDepth bounds how deep a condition may nest.
const maxConditionDepth = 100

// word is a word of a condition and where it stands in it.
type word struct {
	text string
	at   span
}

// conditionError says what is wrong with a condition, and where.
type conditionError struct {
	why string
	at  span
}

func (e *conditionError) Error() string { return e.why }

func wrong(at span, format string, args ...any) error {
	return &conditionError{fmt.Sprintf(format, args...), at}
}

// correlateInstead is what to write for what conditions once counted.
const correlateInstead = "write a document with correlation: that refers to this rule"

// parseCondition reads a condition: not binds before and, and before or; the
// words are not case-sensitive.
//
// Grammar: Sigma specification 2.1, "Condition".
func parseCondition(s string) (condition, error) {
	if before, after, found := strings.Cut(s, "|"); found {
		if strings.HasPrefix(after, "|") {
			return nil, wrong(span{len([]rune(before)), 2}, "%q is not expected here; write or", "||")
		}
		return nil, wrong(span{len([]rune(before)), 1}, "aggregations behind '|' were removed from Sigma; %s", correlateInstead)
	}
	p := &conditionParser{words: conditionWords(s), end: span{len([]rune(s)) - 1, 1}}
	c, err := p.or(0)
	if err != nil {
		return nil, err
	}
	if p.at < len(p.words) {
		w := p.words[p.at]
		if w.text == "&&" || w.text == "&" {
			return nil, wrong(w.at, "%q is not expected here; write and", w.text)
		}
		return nil, wrong(w.at, "%q is not expected here; join selections by and, or", w.text)
	}
	return c, nil
}

func conditionWords(s string) []word {
	var words []word
	runes := []rune(s)
	for i := 0; i < len(runes); i++ {
		if unicode.IsSpace(runes[i]) {
			continue
		}
		from := i
		if !isParenthesis(runes[i]) {
			for i+1 < len(runes) && !unicode.IsSpace(runes[i+1]) && !isParenthesis(runes[i+1]) {
				i++
			}
		}
		words = append(words, word{string(runes[from : i+1]), span{from, i + 1 - from}})
	}
	return words
}

func isParenthesis(r rune) bool { return r == '(' || r == ')' }

type conditionParser struct {
	words []word
	at    int
	end   span // the condition's last character
}

// is consumes the next word if it is w.
func (p *conditionParser) is(w string) bool {
	if p.at < len(p.words) && strings.EqualFold(p.words[p.at].text, w) {
		p.at++
		return true
	}
	return false
}

func (p *conditionParser) next() (word, error) {
	if p.at == len(p.words) {
		return word{}, wrong(p.end, "the condition ends where a selection is expected")
	}
	p.at++
	return p.words[p.at-1], nil
}

func (p *conditionParser) or(depth int) (condition, error) {
	first, err := p.and(depth)
	if err != nil {
		return nil, err
	}
	list := anyOf{first}
	for p.is("or") {
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
	for p.is("and") {
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
		return nil, wrong(p.end, "the condition nests deeper than %d levels", maxConditionDepth)
	}
	if p.is("not") {
		c, err := p.not(depth + 1)
		return negate{c}, err
	}
	if p.is("(") {
		opened := p.words[p.at-1].at
		c, err := p.or(depth + 1)
		if err == nil && !p.is(")") {
			err = wrong(opened, "a closing parenthesis is missing")
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
	one, all := t.text == "1" || strings.EqualFold(t.text, "any"), strings.EqualFold(t.text, "all")
	if (one || all) && p.is("of") {
		pattern, err := p.next()
		if err != nil {
			return nil, err
		}
		if all {
			return every{pattern}, nil
		}
		return some{pattern}, nil
	}
	if p.is("of") {
		return nil, wrong(t.at, "only 1 of, any of and all of are known, not %s of", t.text)
	}
	switch strings.ToLower(t.text) {
	case ")", "(", "and", "or", "of":
		return nil, wrong(t.at, "%q is not expected here; a selection is", t.text)
	}
	return named{t}, nil
}

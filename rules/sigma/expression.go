package sigma

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// compileRegexp compiles an expression. It is looked for anywhere in a value,
// so contains adds nothing to it.
func compileRegexp(s string, m *modifiers) (*regexp.Regexp, error) {
	if _, err := regexp.Compile(s); err != nil {
		return nil, fmt.Errorf("%q is no regular expression that can run in linear time (RE2): %w%s", s, err, insteadOf(err))
	}
	switch {
	case m.has("startswith"):
		s = `\A(?:` + s + `)`
	case m.has("endswith"):
		s = `(?:` + s + `)\z`
	}
	if m.flags != "" {
		s = "(?" + m.flags + ")" + s
	}
	return regexp.Compile(s)
}

// insteadOf says what to write for what only other engines know.
func insteadOf(err error) string {
	wrong, _ := errors.AsType[*syntax.Error](err)
	if wrong == nil {
		return ""
	}
	if wrong.Code == syntax.ErrInvalidRepeatSize {
		return "; it repeats at most 1000 times"
	}
	for _, c := range []struct{ begins, instead string }{
		{"(?!", "; exclude it by a selection of its own: and not"},
		{"(?<!", "; exclude it by a selection of its own: and not"},
		{"(?=", "; ask for it in an expression of its own, with re|all"},
		{"(?<=", "; write what it looks for without (?<="},
		{"(?>", "; write (?: for (?>"},
		{"++", "; write + for ++"},
		{"*+", "; write * for *+"},
		{"?+", "; write ? for ?+"},
		{`\1`, "; it has no back-references"},
		{`\2`, "; it has no back-references"},
	} {
		if strings.HasPrefix(wrong.Expr, c.begins) {
			return c.instead
		}
	}
	return ""
}

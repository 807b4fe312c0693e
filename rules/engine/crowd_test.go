package engine_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sidedoor/rules/engine"
	"sidedoor/rules/sigma"
)

// crowdPiece are what texts are made of: letters of which several fold to one,
// in bytes of different number, letters that differ in one bit, and what has a
// meaning in a pattern.
var crowdPiece = rapid.SampledFrom([]string{
	"a", "A", "b", "ab", "aB", "k", "K", "K", "s", "S", "ſ", "ß", "ẞ", "σ", "ς", "Σ", "i", "I", "İ", "ı", "é", "É", "Ⱥ", "ⱥ",
	"1", "0", ".", "-", "@", "`", "[", "{", "\uFFFD", "\U0001f600", "aaaa", "abab", "AbAb", "kkss", "\\", "*", "?",
})

// crowd draws what rules and events of one program are made of: a few texts, of
// which the rules ask for parts.
type crowd struct{ texts []string }

func drawCrowd(t *rapid.T) crowd {
	text := rapid.Map(rapid.SliceOfN(crowdPiece, 1, 8), func(s []string) string { return strings.Join(s, "") })
	return crowd{rapid.SliceOfN(text, 2, 6).Draw(t, "texts")}
}

// part draws a part of one of the texts.
func (c crowd) part(t *rapid.T) string {
	s := []rune(rapid.SampledFrom(c.texts).Draw(t, "text"))
	from := rapid.IntRange(0, len(s)-1).Draw(t, "from")
	return string(s[from:rapid.IntRange(from, min(len(s), from+12)).Draw(t, "to")])
}

// literal escapes a text so that it has no wildcards.
func literal(s string) string { return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(s) }

// pattern draws a Sigma string.
func (c crowd) pattern(t *rapid.T) string {
	s := literal(c.part(t))
	for range rapid.IntRange(-2, 3).Draw(t, "wildcards") {
		r := []rune(s)
		at := rapid.IntRange(0, len(r)).Draw(t, "at")
		s = string(r[:at]) + rapid.SampledFrom([]string{"*", "?", "**", "??"}).Draw(t, "wildcard") + string(r[at:])
	}
	return s
}

// regexp draws a regular expression.
func (c crowd) regexp(t *rapid.T) string {
	a, b := regexp.QuoteMeta(c.part(t)), regexp.QuoteMeta(c.part(t))
	form := rapid.SampledFrom([]string{
		"%s", "^%s", "%s$", "^%s%s", `\A%s.%s\z`, "%s|%s", "(%s)+%s", "(?:%s){2,3}%s", "(%s)*%s", "(?i:%s)%s", "(?i)%s.*(?-i:%s)", "%s(?i)%s", "[%sk]%s", "(?s)%s.+%s",
		"(?:%s)?%s", "(?:%s|%s)?x*", "(?:a%s|b%s){1,2}", "(?i)k%s|s%s",
	}).Draw(t, "form")
	if form[0] == '[' {
		a = "a-"
	}
	return fmt.Sprintf(form, []any{a, b}[:strings.Count(form, "%s")]...)
}

// detection draws the one thing that a rule asks.
func (c crowd) detection(t *rapid.T) string {
	field := rapid.SampledFrom([]string{"a", "b", "a.b", "b.c.d"}).Draw(t, "field")
	m := rapid.SampledFrom([]string{
		"", "", "|contains", "|contains", "|startswith", "|endswith", "|cased", "|contains|cased", "|startswith|cased", "|endswith|cased",
		"|re", "|re|i", "number", "|gt", "|cidr", "|exists", "|fieldref", "|fieldref|contains", "null", "keyword", "list",
	}).Draw(t, "modifiers")
	switch m {
	case "keyword":
		return "[" + quoted(c.pattern(t)) + "]"
	case "list":
		n := rapid.SampledFrom([]int{2, 3, 20}).Draw(t, "values")
		list := make([]string, n)
		for i := range list {
			list[i] = quoted(c.pattern(t))
		}
		m = rapid.SampledFrom([]string{"", "|contains", "|endswith"}).Draw(t, "of")
		return fmt.Sprintf("{%s: [%s]}", quoted(field+m), strings.Join(list, ", "))
	case "|re", "|re|i":
		return fmt.Sprintf("{%s: %s}", quoted(field+m), quoted(c.regexp(t)))
	case "number":
		return fmt.Sprintf("{%s: %s}", field, rapid.SampledFrom(crowdNumbers).Draw(t, "number"))
	case "|gt":
		return fmt.Sprintf("{%s: %s}", quoted(field+m), rapid.SampledFrom([]string{"1", "0", "-1"}).Draw(t, "number"))
	case "|cidr":
		return fmt.Sprintf("{%s: %s}", quoted(field+m), quoted(rapid.SampledFrom([]string{"1.0.0.0/8", "::/0", "::ffff:1.0.0.0/104"}).Draw(t, "network")))
	case "|exists":
		return fmt.Sprintf("{%s: %t}", quoted(field+m), rapid.Bool().Draw(t, "exists"))
	case "|fieldref", "|fieldref|contains":
		return fmt.Sprintf("{%s: %s}", quoted(field+m), rapid.SampledFrom([]string{"a", "b", "a.b"}).Draw(t, "other"))
	case "null":
		return fmt.Sprintf("{%s: null}", field)
	}
	return fmt.Sprintf("{%s: %s}", quoted(field+m), quoted(c.pattern(t)))
}

var crowdNumbers = []string{"1", "1.0", "1e0", "10", "1e1", "0", "-0", "0.0", "1e-999", "9007199254740993", "9007199254740992.0", "1e999"}

// value draws a value of an event.
func (c crowd) value(t *rapid.T, b *strings.Builder, depth int) {
	switch kind := rapid.IntRange(0, 11).Draw(t, "kind"); {
	case kind == 0:
		b.WriteString(rapid.SampledFrom(append(crowdNumbers, "true", "null", `"1.2.3.4"`, `"::ffff:1.2.3.4%x"`)).Draw(t, "scalar"))
	case kind <= 2 && depth < 4:
		b.WriteString("[")
		for i := range rapid.IntRange(0, 3).Draw(t, "items") {
			if i > 0 {
				b.WriteString(",")
			}
			c.value(t, b, depth+1)
		}
		b.WriteString("]")
	case kind <= 4 && depth < 4:
		c.object(t, b, depth+1)
	default:
		var s string
		for range rapid.IntRange(1, 3).Draw(t, "parts") {
			s += c.part(t)
		}
		drawString(t, b, s)
	}
}

func (c crowd) object(t *rapid.T, b *strings.Builder, depth int) {
	b.WriteString("{")
	for i := range rapid.IntRange(1, 4).Draw(t, "members") {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString(`"` + rapid.SampledFrom([]string{"a", "b", "c", "d", "a.b", "c.d", "b.c", "b.c.d", "x"}).Draw(t, "key") + `":`)
		c.value(t, b, depth)
	}
	b.WriteString("}")
}

// TestManyRulesAgreeWithTheReference: of many rules that ask for parts of the
// same texts, each matches as if it were alone, and so does an event among
// others.
func TestManyRulesAgreeWithTheReference(t *testing.T) {
	hits, pairs := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		c := drawCrowd(t)
		var src []string
		for range rapid.IntRange(1, 200).Draw(t, "rules") {
			src = append(src, "title: T\nlogsource: {product: aws}\ndetection: {s: "+c.detection(t)+", condition: s}\n")
		}
		rules, faults := sigma.ParseRules("r.yml", []byte(strings.Join(src, "---\n")))
		p, more := engine.Compile(rules, nil)
		if err := append(faults, more...).Err(); err != nil {
			t.Fatalf("%v", err)
		}
		docs, _ := sigma.ParseDocuments("r.yml", []byte(strings.Join(src, "---\n")))
		var refs []*reference
		for _, d := range docs {
			refs = append(refs, newReference(d, nil))
		}
		m := p.NewMatcher()
		for range 20 {
			var b strings.Builder
			c.object(t, &b, 0)
			raw := []byte(b.String())
			event, err := decode(raw)
			if err != nil {
				t.Fatal(err)
			}
			got, err := m.Match(nil, cloudtrail, "", raw)
			if unread(err) {
				t.Fatalf("%s: %v", raw, err)
			}
			for i, r := range refs {
				if want := r.matchesAny(event, ""); want != slices.Contains(got, i) {
					t.Fatalf("%s%q (%s)\nengine %v, reference %v", src[i], raw, raw, !want, want)
				}
			}
			hits, pairs = hits+len(got), pairs+len(refs)
		}
	})
	t.Logf("%d matches in %d pairs of a rule and an event", hits, pairs)
}

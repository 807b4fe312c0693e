package engine_test

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// The generators draw rules and events from the same few fields and texts, so
// that they meet often.

var (
	drawKey = rapid.SampledFrom([]string{"a", "b", "c", "a.b", "b.c", "a.b.c", "A", "", "a.", "X-GitHub-Event"})
	drawBit = rapid.SampledFrom([]string{"x", "X", "y", "ä", "Ä", "1", "K", "K", "*", "?", `\`, `\*`, `\\`, "%", " ", "\U0001f600"})
	// Values of which some are numbers and addresses.
	drawText = rapid.OneOf(
		rapid.Map(rapid.SliceOfN(drawBit, 0, 5), func(s []string) string { return strings.Join(s, "") }),
		rapid.SampledFrom([]string{"1", "1.0", "10", "1e1", "-3", "2.5", "12345678901234567890", "12345678901234567891", "1e400", "-1e500"}),
		rapid.SampledFrom([]string{"-x", "/x", "–x", "x -y", "x /y", "y—x ―1", "--x", "x-y", "-x-y /K"}),
		rapid.SampledFrom([]string{"eA==", "eHg=", "eHl4", "eHk", "h4e", "4e", "IHh5IA==", "x\x00x\x00", "\x00x\x00y", "\ufffd\ufffdx\x00y\x00", "eAB4AA", "WEg="}),
		rapid.SampledFrom([]string{
			"2024-02-29T23:59:60Z", "2024-12-30t00:00:00.5+02:00", "2021-01-03 10:15", "2021-01-03", "2023-02-29", "2024-02-29T24:00:00Z",
			"1700000000", "1700000000123", "1e10", "2024-02-29T10:15:00 UTC", "2024-2-9", "0.5",
		}),
		rapid.SampledFrom([]string{"10.1.2.3", "fd00::1", "fd00::1%eth0", "::ffff:10.0.0.1", "10.0.0.1%eth0", "face", "true"}),
	)
)

// quoted writes a text in YAML's single quotes.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// drawField writes a key with its values.
func drawField(t *rapid.T, depth int) (key, values string) {
	name := drawKey.Filter(func(k string) bool { return k != "" && k != "a." }).Draw(t, "field")
	if depth < 2 && rapid.IntRange(0, 4).Draw(t, "nest") == 0 {
		return name, drawSelection(t, depth+1)
	}
	modifiers := drawModifiers.Draw(t, "modifiers")
	draw := func() string { return drawValue(t, modifiers) }
	n := rapid.IntRange(1, 3).Draw(t, "values")
	if n == 1 && rapid.Bool().Draw(t, "bare") {
		return quoted(name + modifiers), draw()
	}
	list := make([]string, n)
	for i := range list {
		list[i] = draw()
	}
	return quoted(name + modifiers), "[" + strings.Join(list, ", ") + "]"
}

var drawModifiers = rapid.SampledFrom([]string{
	"", "", "", "|contains", "|startswith", "|endswith", "|all", "|contains|all", "|cased", "|contains|cased", "|startswith|cased",
	"|endswith|cased", "|re", "|re|i", "|re|m|s", "|re|startswith", "|re|i|endswith", "|re|contains|all", "|cidr", "|cidr|all", "|exists",
	"|lt", "|lte", "|gt", "|gte", "|expand", "|contains|expand|all", "|expand|cidr", "|expand|gte", "|re|expand",
	"|fieldref", "|fieldref|contains", "|fieldref|endswith|cased", "|fieldref|all|startswith", "|fieldref|neq", "|neq|fieldref|contains",
	"|neq", "|neq|contains", "|startswith|neq|cased", "|cidr|neq", "|re|neq", "|expand|neq", "|hour|neq",
	"|base64", "|base64|cased", "|base64offset|contains", "|base64offset|contains|all", "|base64offset|startswith|cased",
	"|utf16le|contains", "|wide|base64offset|contains", "|utf16be", "|utf16|startswith", "|utf16|base64|contains", "|base64|base64",
	"|base64|wide|contains", "|expand|base64|contains", "|windash|base64|startswith",
	"|windash", "|windash|contains", "|contains|windash|all", "|windash|expand|contains", "|expand|windash", "|windash|neq|endswith",
	"|minute", "|hour", "|day", "|week", "|month", "|year", "|minute|lt", "|hour|gte", "|day|gt", "|week|lte", "|month|lt", "|year|gte",
	"|expand|day",
})

// encodes says whether there is a modifier that takes a text without wildcards.
func encodes(modifiers string) bool {
	return slices.ContainsFunc(strings.Split(modifiers, "|"), encodingModifier)
}

// drawEncodable writes a text of at least two characters without wildcards.
func drawEncodable(t *rapid.T) string {
	bit := rapid.SampledFrom([]string{"x", "X", "y", "ä", "1", "K", `\*`, `\\`, "-x", " ", "\U0001f600"})
	return quoted(strings.Join(rapid.SliceOfN(bit, 2, 4).Draw(t, "encodable"), ""))
}

// drawPlaceholders writes a value that refers to lists of texts without
// wildcards, numbers or networks, or to any.
func drawPlaceholders(t *rapid.T, modifiers string) string {
	is := func(m string) bool { return strings.Contains(modifiers, m) }
	switch {
	case is("cidr"):
		return "'%networks%'"
	case is("day"):
		return "'%days%'"
	case is("gte"):
		return rapid.SampledFrom([]string{"'%days%'", "'-%days%'", "'%days%.5'", "'%days%%days%'"}).Draw(t, "numbers")
	case encodes(modifiers), is("re"):
		return rapid.SampledFrom([]string{"'x%plain%'", "'%plain%%plain%y'", "'-%plain% '", `'\%%plain%\\'`}).Draw(t, "plain")
	}
	return rapid.SampledFrom([]string{"'%texts%'", "'%none%'", "'x%texts%'", "'%texts%%plain%'", `'\%%texts%?\\%plain%'`, "'%none%%texts%'", "'100%%plain%%'", "'-%plain% /x'"}).Draw(t, "list")
}

// drawValue writes a value that fits the modifiers.
func drawValue(t *rapid.T, modifiers string) string {
	switch {
	case modifiers == "" && rapid.IntRange(0, 3).Draw(t, "plain") == 0:
		return rapid.SampledFrom([]string{"null", "true", "false", "1", "10", "2.5", "-3", "1e1", "~"}).Draw(t, "scalar")
	case strings.Contains(modifiers, "expand"):
		return drawPlaceholders(t, modifiers)
	case strings.HasPrefix(modifiers, "|re"):
		return quoted(rapid.SampledFrom([]string{"^x", "x.*y$", "[xä]+1", "^$", `\*`, "(?i)k", "^1.?$", "^y"}).Draw(t, "regexp"))
	case strings.HasPrefix(modifiers, "|cidr"):
		return quoted(rapid.SampledFrom([]string{"10.0.0.0/8", "10.1.2.3/32", "fd00::/8", "::/0", "0.0.0.0/0"}).Draw(t, "network"))
	case modifiers == "|exists":
		return rapid.SampledFrom([]string{"true", "false"}).Draw(t, "exists")
	case slices.Contains([]string{"|lt", "|lte", "|gt", "|gte"}, modifiers):
		return rapid.SampledFrom([]string{"1", "2.5", "-3", "'10'", "1e1", "1e300"}).Draw(t, "number")
	case slices.ContainsFunc(strings.Split(modifiers, "|"), has([]string{"minute", "hour", "day", "week", "month", "year"})):
		if strings.Contains(modifiers, "year") {
			return rapid.SampledFrom([]string{"1970", "2023", "2024", "'2021'"}).Draw(t, "year")
		}
		return rapid.SampledFrom([]string{"1", "2", "10", "12", "'3'"}).Draw(t, "part")
	case encodes(modifiers):
		return drawEncodable(t)
	case strings.Contains(modifiers, "fieldref"):
		return quoted(drawKey.Filter(func(k string) bool { return k != "" }).Draw(t, "other"))
	}
	return quoted(drawText.Draw(t, "text"))
}

// drawSelection writes a mapping, a list of mappings, or keywords.
func drawSelection(t *rapid.T, depth int) string {
	switch rapid.IntRange(0, 7).Draw(t, "kind") {
	case 0:
		return "[" + drawMapping(t, depth) + ", " + drawMapping(t, depth) + "]"
	case 1:
		return "[" + quoted(drawText.Draw(t, "word")) + ", " + drawMapping(t, depth) + ", " + quoted(drawText.Draw(t, "word")) + "]"
	case 2:
		if depth > 0 {
			break
		}
		key := rapid.SampledFrom([]string{"'|all'", "'|contains'", "'|startswith'", "'|all|endswith'", "'|cased'", "'|windash'", "'|all|windash|contains'"}).Draw(t, "keywords")
		return fmt.Sprintf("{%s: [%s, %s]}", key, quoted(drawText.Draw(t, "word")), quoted(drawText.Draw(t, "word")))
	}
	return drawMapping(t, depth)
}

func drawMapping(t *rapid.T, depth int) string {
	var parts, keys []string
	for range rapid.IntRange(1, 3).Draw(t, "fields") {
		key, values := drawField(t, depth)
		if plain := strings.Trim(key, "'"); !slices.Contains(keys, plain) {
			keys, parts = append(keys, plain), append(parts, key+": "+values)
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

// drawCondition writes a condition over s1, s2 and s3.
func drawCondition(t *rapid.T, depth int) string {
	op := rapid.IntRange(0, 6).Draw(t, "operator")
	if depth > 3 {
		op = 6
	}
	sub := func() string { return drawCondition(t, depth+1) }
	switch op {
	case 0:
		return sub() + rapid.SampledFrom([]string{" and ", " AND "}).Draw(t, "and") + sub()
	case 1:
		return sub() + rapid.SampledFrom([]string{" or ", " Or "}).Draw(t, "or") + sub()
	case 2:
		return "not " + sub()
	case 3:
		return "(" + sub() + ")"
	}
	return rapid.SampledFrom([]string{"s1", "s2", "s3", "1 of s*", "all of s?", "any of them", "ALL of them", "1 of *3"}).Draw(t, "term")
}

// drawRule writes a rule. Its second condition uses every selection and is
// never true, so that none of them goes unused.
func drawRule(t *rapid.T) string {
	return fmt.Sprintf("title: T\nlogsource: {product: aws}\ndetection:\n  s1: %s\n  s2: %s\n  s3: %s\n  condition: [%s, not 1 of s* and all of s*]\n",
		drawSelection(t, 0), drawSelection(t, 0), drawSelection(t, 0), quoted(drawCondition(t, 0)))
}

// drawEvent writes an event in the worst spelling there is.
func drawEvent(t *rapid.T) []byte {
	var b strings.Builder
	drawObject(t, &b, 0)
	return []byte(b.String())
}

func drawObject(t *rapid.T, b *strings.Builder, depth int) {
	b.WriteString("{")
	for i := range rapid.IntRange(0, 4).Draw(t, "members") {
		if i > 0 {
			b.WriteString(", ")
		}
		drawString(t, b, drawKey.Draw(t, "key"))
		b.WriteString(" :\t")
		drawJSON(t, b, depth+1)
	}
	b.WriteString("}")
}

func drawJSON(t *rapid.T, b *strings.Builder, depth int) {
	kind := rapid.IntRange(0, 9).Draw(t, "kind")
	switch {
	case kind == 0 && depth < 4:
		b.WriteString("[")
		for i := range rapid.IntRange(0, 3).Draw(t, "items") {
			if i > 0 {
				b.WriteString(",")
			}
			drawJSON(t, b, depth+1)
		}
		b.WriteString("]")
	case kind <= 3 && depth < 4:
		drawObject(t, b, depth)
	case kind == 4:
		b.WriteString(rapid.SampledFrom([]string{"null", "true", "false", "1", "1.0", "10", "1e1", "-3", "-0", "2.50", "12345678901234567891", "1e400", "-2e999", strings.Repeat("7", 90), "1700000000", "1700000000123.5"}).Draw(t, "scalar"))
	default:
		drawString(t, b, drawText.Draw(t, "text"))
	}
}

// drawString writes a string of which each character may be escaped, with now
// and then bytes behind it that are no UTF-8 and no character.
func drawString(t *rapid.T, b *strings.Builder, s string) {
	b.WriteString(`"`)
	escape := rapid.IntRange(0, 2).Draw(t, "escape") == 0
	for _, r := range s {
		switch {
		case escape && r < 0x10000 || r < ' ':
			fmt.Fprintf(b, `\u%04X`, r)
		case r == '\\':
			b.WriteString(`\\`)
		default:
			b.WriteRune(r)
		}
	}
	if rapid.IntRange(0, 30).Draw(t, "broken") == 0 {
		b.WriteString(rapid.SampledFrom([]string{"\xff", `\ud800`, `\udc00\ud800`, "\xc3", "\xed\xa0\x80"}).Draw(t, "bytes"))
	}
	b.WriteString(`"`)
}

package engine_test

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"sidedoor/rules/sigma"
)

// A Sigma string as the reference has it is a list of atoms: single characters,
// and these.
const (
	anyRun = "any run of characters"
	anyOne = "any character"
	listOf = "an entry of the list " // and its name
)

var (
	atom             = regexp.MustCompile(`(?s)\\[\\*?]|.`)
	atomUnderExpand  = regexp.MustCompile(`(?s)\\[\\*?%]|%[\pL\pN_.-]+%|.`)
	placeholder      = regexp.MustCompile(`\\\\|\\\*|\\\?|\\%|%[\pL\pN_.-]+%`)
	wordCharacter    = regexp.MustCompile(`^[\pL\pN_]$`)
	dashCharacter    = regexp.MustCompile(`^[-/\x{2013}\x{2014}\x{2015}]$`)
	referenceDate    = regexp.MustCompile(`^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d)(?::(\d\d)(?:[.,]\d+)?)?(?: ?(?:[Zz]|UTC|[+-]\d\d(?::?\d\d)?))?)?$`)
	encodingModifier = has([]string{"base64", "base64offset", "utf16", "utf16le", "utf16be", "wide"})
)

func atomsOf(s string, modifiers []string) []string {
	tokens := atom
	if slices.Contains(modifiers, "expand") {
		tokens = atomUnderExpand
	}
	var atoms []string
	for _, t := range tokens.FindAllString(s, -1) {
		switch {
		case t == "*":
			atoms = append(atoms, anyRun)
		case t == "?":
			atoms = append(atoms, anyOne)
		case len(t) > 1 && t[0] == '\\':
			atoms = append(atoms, t[1:])
		case len(t) > 1 && t[0] == '%':
			atoms = append(atoms, listOf+t[1:len(t)-1])
		default:
			atoms = append(atoms, t)
		}
	}
	return atoms
}

// expansions returns, for each text that a value stands for, the entries of
// its placeholders.
func (r *reference) expansions(value ast.Node, modifiers []string) [][]string {
	all := [][]string{nil}
	if !slices.Contains(modifiers, "expand") {
		return all
	}
	text, _ := sigma.Text(value)
	for _, a := range atomsOf(text, modifiers) {
		name, isList := strings.CutPrefix(a, listOf)
		if !isList {
			continue
		}
		var longer [][]string
		for _, before := range all {
			for _, entry := range r.lists[name] {
				longer = append(longer, append(slices.Clone(before), entry))
			}
		}
		all = longer
	}
	return all
}

// writeOut replaces placeholders in a value that is no Sigma string.
func writeOut(s string, entries []string) string {
	if len(entries) == 0 {
		return s
	}
	return placeholder.ReplaceAllStringFunc(s, func(p string) string {
		switch {
		case p == `\%`:
			return "%"
		case p[0] == '\\':
			return p
		}
		entry := entries[0]
		entries = entries[1:]
		return entry
	})
}

// variants applies the modifiers to a Sigma string, one after the other.
func (r *reference) variants(s string, modifiers, entries []string) [][]string {
	list := [][]string{atomsOf(s, modifiers)}
	for i := 0; i < len(modifiers); i++ {
		var encodings []string
		for ; i < len(modifiers) && encodingModifier(modifiers[i]); i++ {
			encodings = append(encodings, modifiers[i])
		}
		var next [][]string
		for _, atoms := range list {
			switch {
			case len(encodings) > 0:
				next = append(next, encoded(strings.Join(atoms, ""), encodings)...)
				continue
			case modifiers[i] == "contains":
				next = append(next, append(append([]string{anyRun}, atoms...), anyRun))
			case modifiers[i] == "startswith":
				next = append(next, append(slices.Clone(atoms), anyRun))
			case modifiers[i] == "endswith":
				next = append(next, append([]string{anyRun}, atoms...))
			case modifiers[i] == "windash":
				next = append(next, spellings(atoms)...)
			case modifiers[i] == "expand":
				next = append(next, written(atoms, entries))
			default:
				next = append(next, atoms)
			}
		}
		if list = next; len(encodings) > 0 {
			i-- // the one behind the encodings has its turn
		}
	}
	return list
}

func written(atoms, entries []string) []string {
	var out []string
	for _, a := range atoms {
		if strings.HasPrefix(a, listOf) {
			out = append(out, atomsOf(entries[0], nil)...)
			entries = entries[1:]
		} else {
			out = append(out, a)
		}
	}
	return out
}

// spellings writes the rest of a command line behind each way to write its
// first character, flags' dashes in all five.
func spellings(atoms []string) [][]string { return spellingsBehind(" ", atoms) }

func spellingsBehind(before string, atoms []string) [][]string {
	if len(atoms) == 0 {
		return [][]string{nil}
	}
	ways := atoms[:1]
	if dashCharacter.MatchString(atoms[0]) && !wordCharacter.MatchString(before) && len(atoms) > 1 && wordCharacter.MatchString(atoms[1]) {
		ways = []string{"/", "\u2015", "-", "\u2014", "\u2013"}
	}
	var all [][]string
	for _, rest := range spellingsBehind(atoms[0], atoms[1:]) {
		for _, w := range ways {
			all = append(all, append([]string{w}, rest...))
		}
	}
	return all
}

// encoded runs a text through encodings; what comes out is read as JSON is.
func encoded(s string, encodings []string) [][]string {
	list := []string{s}
	for _, e := range encodings {
		var next []string
		for _, s := range list {
			switch e {
			case "base64":
				next = append(next, base64.StdEncoding.EncodeToString([]byte(s)))
			case "base64offset":
				next = append(next, constant(s, 0), constant(s, 1), constant(s, 2))
			case "utf16":
				next = append(next, "\xff\xfe"+doubled(s, 0))
			case "utf16le", "wide":
				next = append(next, doubled(s, 0))
			case "utf16be":
				next = append(next, doubled(s, 8))
			}
		}
		list = next
	}
	var out [][]string
	for _, s := range list {
		var read string
		quoted, _ := json.Marshal(s)
		json.Unmarshal(quoted, &read)
		out = append(out, strings.Split(read, ""))
	}
	return out
}

// constant encodes a text behind and before all kinds of bytes, and keeps the
// digits that are always the same.
func constant(s string, offset int) string {
	var all []string
	for _, around := range []string{"\x00", "\xff", "\x55", "\xaa"} {
		all = append(all, base64.StdEncoding.EncodeToString([]byte(strings.Repeat(around, offset)+s+strings.Repeat(around, 3))))
	}
	same := ""
	for i := range all[0] {
		if all[0][i] == all[1][i] && all[1][i] == all[2][i] && all[2][i] == all[3][i] && all[0][i] != '=' {
			same += all[0][i : i+1]
		}
	}
	return same
}

// doubled writes a text as UTF-16, each unit's byte at the given shift first.
func doubled(s string, first int) string {
	var b strings.Builder
	unit := func(u int) {
		b.WriteByte(byte(u >> first))
		b.WriteByte(byte(u >> (8 - first)))
	}
	for _, c := range s {
		if c < 0x10000 {
			unit(int(c))
		} else {
			unit(0xd800 + int(c-0x10000)/0x400)
			unit(0xdc00 + int(c-0x10000)%0x400)
		}
	}
	return b.String()
}

func lowered(atoms []string) []string {
	out := make([]string, len(atoms))
	for i, a := range atoms {
		out[i] = strings.ToLower(a)
	}
	return out
}

// expressionOf writes atoms as a regular expression.
func expressionOf(atoms []string) string {
	var b strings.Builder
	for _, a := range atoms {
		switch a {
		case anyRun:
			b.WriteString(`(?s:.*)`)
		case anyOne:
			b.WriteString(`(?s:.)`)
		default:
			b.WriteString(regexp.QuoteMeta(a))
		}
	}
	return `\A` + b.String() + `\z`
}

// datePart reads a part of a date.
func datePart(s, part string) (float64, bool) {
	at, clock := time.Time{}, true
	if n, ok := number(s); ok {
		if n <= 0 || n >= 253402300800000 {
			return 0, false
		}
		if n < 1e10 {
			n *= 1000
		}
		at = time.UnixMilli(int64(math.Floor(n))).UTC()
	} else {
		m := referenceDate.FindStringSubmatch(s)
		if m == nil || m[3] > "60" {
			return 0, false
		}
		clock = m[2] != ""
		var err error
		if at, err = time.Parse("2006-01-02 15:04", strings.TrimSpace(m[1]+" "+m[2]+"00:00"[min(5, len(m[2])):])); err != nil || m[1] < "0001" {
			return 0, false
		}
	}
	switch part {
	case "minute":
		return float64(at.Minute()), clock
	case "hour":
		return float64(at.Hour()), clock
	case "day":
		return float64(at.Day()), true
	case "week":
		// A week belongs to the year of its Thursday.
		thursday := at.AddDate(0, 0, 3-(int(at.Weekday())+6)%7)
		return float64((thursday.YearDay()-1)/7 + 1), true
	case "month":
		return float64(at.Month()), true
	}
	return float64(at.Year()), true
}

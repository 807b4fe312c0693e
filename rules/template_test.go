package rules

import (
	"strings"
	"testing"

	"sidedoor/event"
	"sidedoor/rules/engine"
)

func TestATemplateIsFilledFromTheEvent(t *testing.T) {
	e := newSubject("prod-eu", event.Event{Kind: "push", Raw: []byte(
		`{"a":{"b":"x","n":7,"t":true,"empty":"","null":null},"list":[{"k":"first"},{"k":"second"}],"scope":"forged","X-GitHub-Event":"forged","brace":"{a.b}",
		"title":"Fix CHG-7 and CHG-8","images":["a:latest","b@sha256:1f","c@sha256:2f"]}`,
	)}, engine.NewReader())
	for _, c := range []struct {
		template, want string
		complete       bool
	}{
		{"", "", true},
		{"plain", "plain", true},
		{"{a.b}", "x", true},
		{"<{a.b}/{a.n}/{a.t}>", "<x/7/true>", true},
		{"{scope}", "prod-eu", true}, // the envelope's, whatever the event says
		{"{X-GitHub-Event}", "push", true},
		{"{nowhere}", "-", false},
		{"{nowhere|a.b}", "x", true},
		{"{a.empty|a.null|a.b}", "x", true},
		{"{a.empty}", "-", false},
		{"{a.b}#{nowhere}", "x#-", false},
		{"{list.k}", "first", true},
		{"{brace}", "{a.b}", true}, // a value is not a template
		{"{title ~ [A-Z]+-[0-9]+}", "CHG-7", true},
		{"{title ~ and ([A-Z]+)-([0-9]+)}", "CHG", true},
		{"<{title ~ (?i)fix|mend}>", "<Fix>", true},
		{"{title ~ (CVE)?}", "-", false}, // it finds nothing, in the first place
		{"{title ~ ^CHG}", "-", false},
		{"{images ~ @(.+)}", "sha256:1f", true}, // the first value that matches
		{"{nowhere|a.b|title ~ CHG.*}", "CHG-7 and CHG-8", true},
		{"{scope ~ ^[a-z]+}/{X-GitHub-Event ~ p.}", "prod/pu", true},
	} {
		tmpl, err := parseTemplate(c.template)
		if err != nil {
			t.Fatal(err)
		}
		if got, complete := tmpl.render(e); got != c.want || complete != c.complete {
			t.Errorf("%q: %q %v, want %q %v", c.template, got, complete, c.want, c.complete)
		}
	}
}

func TestATemplateThatCannotBeReadSaysWhy(t *testing.T) {
	for text, want := range map[string]string{
		"{a":              "a brace that does not close around a field",
		"a}":              "a closing brace without an opening one",
		"{}":              "a brace that does not close around a field",
		"{a||b}":          "names an empty field",
		"{ ~ x}":          "names an empty field",
		"{a ~ }":          "no expression behind the ~",
		"{a~x}":           "write {field ~ expression}",
		"{a ~ (}":         "has an expression that is none: error parsing regexp: missing closing )",
		"{a ~ (?=x)}":     "has an expression that is none",
		"{a ~ [0-9]{2}}":  "write [0-9][0-9] for [0-9]{2}",
		"{a ~ [0-9]{2,}}": "a regular expression in a template has no braces",
	} {
		if _, err := parseTemplate(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want %q, got %v", text, want, err)
		}
	}
}

func TestAScopeThatTheSourceDoesNotNameIsMissing(t *testing.T) {
	tmpl, err := parseTemplate("{scope}/x")
	if err != nil {
		t.Fatal(err)
	}
	e := newSubject("", event.Event{Raw: []byte(`{"scope":"forged"}`)}, engine.NewReader())
	if got, complete := tmpl.render(e); got != "-/x" || complete {
		t.Errorf("%q, complete %v", got, complete)
	}
}

func FuzzTemplate(f *testing.F) {
	f.Add("{a.b}/{c|d}", `{"a":{"b":"x"}}`)
	f.Add("}{", `{}`)
	f.Add("{a", `{"a":"\ud800"}`)
	f.Add("x", `{"a":`)
	f.Add("{a ~ (b|c)+}/{d|a ~ ^.}", `{"a":["b","cc",{"d":1}]}`)
	f.Fuzz(func(t *testing.T, text, raw string) {
		tmpl, err := parseTemplate(text)
		if err != nil {
			return
		}
		e := newSubject("", event.Event{Raw: []byte(raw)}, engine.NewReader())
		out, complete := tmpl.render(e)
		each, _ := tmpl.each(e)
		if len(each) == 0 || len(each) > maxEach {
			t.Errorf("%q stands for %d values", text, len(each))
		}
		for _, one := range each {
			tmpl.render(one)
		}
		if !strings.ContainsAny(text, "{}") && (out != text || !complete) {
			t.Errorf("%q has no field and becomes %q", text, out)
		}
	})
}

package rules

import (
	"strings"
	"testing"

	"sidedoor/event"
	"sidedoor/rules/engine"
)

func TestATemplateIsFilledFromTheEvent(t *testing.T) {
	e := newSubject("prod-eu", event.Event{Kind: "push", Raw: []byte(
		`{"a":{"b":"x","n":7,"t":true,"empty":"","null":null},"list":[{"k":"first"},{"k":"second"}],"scope":"forged","X-GitHub-Event":"forged","brace":"{a.b}"}`,
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
	f.Fuzz(func(t *testing.T, text, raw string) {
		tmpl, err := parseTemplate(text)
		if err != nil {
			return
		}
		out, complete := tmpl.render(newSubject("", event.Event{Raw: []byte(raw)}, engine.NewReader()))
		if !strings.ContainsAny(text, "{}") && (out != text || !complete) {
			t.Errorf("%q has no field and becomes %q", text, out)
		}
	})
}

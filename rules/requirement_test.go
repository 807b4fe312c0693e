package rules_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/rules"
)

// needing is a policy whose act is approved by what is written.
func needing(t testing.TB, approvedBy string) *rules.Policy {
	t.Helper()
	return load(t, folder{
		"controls.yaml": controls, "g.yml": grants + "facts: [{who: data.author, is: author, of: '{data.commit}'}]\n",
		"ticket.yml": strings.Replace(strings.Replace(grants, "name: g", "name: ticket", 1), "access-grant", "ticket", 1),
		"r.yml": head + `act: {control: CHG-03, actor: user.username, resource: '{objectRef.name}', approved-by: [` + approvedBy + `]}
`,
		"estate.yaml": "people: [{name: alice, email: alice@acme.example}]\n",
	})
}

func TestEveryKeyOfARequirementReachesTheJudge(t *testing.T) {
	alice := event.Party{Name: "alice@acme.example", Person: "alice"}
	bot := party("bot")
	const raw = `{"verb":"delete","user":{"username":"alice@acme.example"},"objectRef":{"name":"cart"},"pusher":"bot",
		"commit":"c0ffee","title":"fix CHG-7","images":["a@sha256:1","b@sha256:2","a@sha256:1","","c:latest"]}`
	need := func(scope string, change func(*event.Requirement)) event.Requirement {
		q := event.Requirement{Kind: "access-grant", Scope: scope, IndependentOf: []event.Party{alice}}
		if change != nil {
			change(&q)
		}
		return q
	}
	for _, c := range []struct {
		text string
		want []event.Requirement
	}{
		{"access-grant", []event.Requirement{need("cart", nil)}},
		{"access-grant: {}", []event.Requirement{need("cart", nil)}},
		{"access-grant: {actor: same, skew: 2m}", []event.Requirement{need("cart", func(q *event.Requirement) { q.SameActor, q.Skew = true, 2*time.Minute })}},
		{"access-grant: {scope: '{title ~ CHG-[0-9]+}'}", []event.Requirement{need("CHG-7", nil)}},
		{"access-grant: {scope: ['{commit}', 'acme/{nowhere}', 'acme/*']}", []event.Requirement{need("c0ffee", func(q *event.Requirement) { q.Within = []string{"acme/*"} })}},
		{"access-grant: {scope: '{nowhere}'}", []event.Requirement{need("-", nil)}},
		{"access-grant: {approvers: 2, group: approvers, member-for: 24h}", []event.Requirement{need("cart", func(q *event.Requirement) {
			q.Approvers, q.Group, q.MemberFor = 2, "approvers", 24*time.Hour
		})}},
		{"access-grant: {independent-of: [user.username, pusher, nowhere, identity]}", []event.Requirement{need("cart", func(q *event.Requirement) { q.IndependentOf = []event.Party{alice, bot, alice} })}},
		{"access-grant: {independent-of: 'author of {scope}@{commit}'}", []event.Requirement{need("cart", func(q *event.Requirement) {
			q.IndependentOf, q.Separate = nil, []event.FactRef{{Is: "author", Of: "prod-eu@c0ffee"}}
		})}},
		{"access-grant: {independent-of: [pusher, 'author of {commit}']}", []event.Requirement{need("cart", func(q *event.Requirement) {
			q.IndependentOf, q.Separate = []event.Party{bot}, []event.FactRef{{Is: "author", Of: "c0ffee"}}
		})}},
		// Who cannot be told cannot be excluded: nobody is independent of them.
		{"access-grant: {independent-of: [pusher, 'author of {scope}@{nowhere}']}", []event.Requirement{need("", func(q *event.Requirement) {
			q.IndependentOf, q.Separate = []event.Party{bot}, []event.FactRef{{Is: "author", Of: "prod-eu@-"}}
		})}},
		{"access-grant: {independent-of: nowhere, scope: [a, b]}", []event.Requirement{need("", func(q *event.Requirement) { q.IndependentOf = nil })}},
		{"access-grant: {independent-of: []}", []event.Requirement{need("cart", func(q *event.Requirement) { q.IndependentOf = nil })}},
		{"access-grant: {scope: '{images}'}", []event.Requirement{need("a@sha256:1", nil)}},
		{"access-grant: {scope: '{images}', every: false}", []event.Requirement{need("a@sha256:1", nil)}},
		{"access-grant: {scope: '{images}', every: true}", []event.Requirement{need("a@sha256:1", func(q *event.Requirement) {
			q.Also = []event.Requirement{need("b@sha256:2", nil), need("c:latest", nil)}
		})}},
		// An image without a digest is not passed over.
		{"access-grant: {scope: '{images ~ @(.+)}', every: true}", []event.Requirement{need("sha256:1", func(q *event.Requirement) {
			q.Also = []event.Requirement{need("sha256:2", nil), need("-", nil)}
		})}},
		{"access-grant: {scope: ['{images}', '{images ~ ^[a-z]+}'], every: true}", []event.Requirement{need("a@sha256:1", func(q *event.Requirement) {
			q.Within = []string{"a"}
			q.Also = []event.Requirement{
				need("b@sha256:2", func(q *event.Requirement) { q.Within = []string{"b"} }),
				need("c:latest", func(q *event.Requirement) { q.Within = []string{"c"} }),
			}
		})}},
		{"access-grant: {scope: '{nowhere}', every: true}", []event.Requirement{need("-", nil)}},
		{"access-grant: {scope: '{commit}', every: true}", []event.Requirement{need("c0ffee", nil)}},
		{"{access-grant: {scope: '{images ~ @(.+)}', every: true}, ticket: {scope: '{title ~ CHG-[0-9]+}'}}, access-grant", []event.Requirement{
			need("sha256:1", func(q *event.Requirement) {
				q.Also = []event.Requirement{need("sha256:2", nil), need("-", nil), need("CHG-7", func(q *event.Requirement) { q.Kind = "ticket" })}
			}),
			need("cart", nil),
		}},
	} {
		got := one(t, needing(t, c.text), kubernetes, raw).Act.ApprovedBy
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", c.text, got, c.want)
		}
	}
}

func TestMoreValuesThanAreHeldAreCoveredByNothing(t *testing.T) {
	images := make([]string, 150)
	for i := range images {
		images[i] = fmt.Sprintf(`"image-%d"`, i)
	}
	m := one(t, needing(t, "access-grant: {scope: '{images}', every: true}"), kubernetes, `{"verb":"delete","images":[`+strings.Join(images, ",")+`]}`)
	also := m.Act.ApprovedBy[0].Also
	if len(also) != 100 || also[98].Scope != "image-99" || also[99].Scope != "" {
		t.Errorf("%d more are needed, at last %q and %q", len(also), also[len(also)-2].Scope, also[len(also)-1].Scope)
	}
}

func TestAnApprovalCarriesTheLinksThatItNeeds(t *testing.T) {
	p := load(t, folder{"g.yml": strings.Replace(grants, "until: data.until}", `until: data.until,
  requires: [build: {scope: '{data.commit}'}, {access-grant: {actor: same}, build: {independent-of: data.author}}]}`, 1),
		"b.yml": strings.Replace(strings.Replace(grants, "name: g", "name: b", 1), "access-grant", "build", 1)})
	a := matcher(t, p)
	matches, _ := a.Match(batch(feed, `{"type":"grant","data":{"actor":"alice","approver":"bob","author":"carol","commit":"c0ffee","scope":"prod"}}`))
	alice, carol := party("alice"), party("carol")
	want := []event.Requirement{
		{Kind: "build", Scope: "c0ffee", IndependentOf: []event.Party{alice}},
		{Kind: "access-grant", Scope: "prod", SameActor: true, IndependentOf: []event.Party{alice}, Also: []event.Requirement{
			{Kind: "build", Scope: "prod", IndependentOf: []event.Party{carol}},
		}},
	}
	for _, m := range matches {
		if m.Rule.Name == "g" {
			if got := m.Approval.Requires; !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
			return
		}
	}
	t.Fatal("the grant does not match")
}

func TestAFaultOfARequirementNamesItsPlaceAndRemedy(t *testing.T) {
	const act = "act:\n  control: CHG-03\n  actor: a\n  resource: r\n  approved-by:\n    - "
	const grants = grants + "facts: [{who: data.author, is: author, of: '{data.commit}'}]\n"
	for _, c := range []struct{ text, want string }{
		{"access-grant: {actr: same}", `r.yml:14:22: access-grant has no key "actr"; did you mean "actor"?`},
		{"access-grant: {every: yes}", `r.yml:14:29: every: "yes" is neither true nor false`},
		{"access-grant: {approvers: 0}", `r.yml:14:33: approvers: "0" is no number of people; write 1 to 20`},
		{"access-grant: {approvers: two}", `approvers: "two" is no number of people`},
		{"access-grant: {member-for: 1h}", "r.yml:14:7: member-for needs a group"},
		{"access-grant: {group: g, member-for: soon}", `member-for: "soon" is not a duration`},
		{"access-grant: {scope: []}", "r.yml:14:29: scope: the list is empty"},
		{"access-grant: {scope: [a, '{b']}", "r.yml:14:33: scope: \"{b\" has a brace that does not close"},
		{"access-grant: {scope: [a, {b: c}]}", "r.yml:14:33: scope has to be a text"},
		{"access-grant: {independent-of: [a, '{b']}", "r.yml:14:42: independent-of: \"{b\" has a brace"},
		{"access-grant: {independent-of: ['author of {b']}", "r.yml:14:39: independent-of: \"{b\" has a brace"},
		{"access-grant: {independent-of: 'auther of {b}'}", `r.yml:14:38: no rule states facts "auther"; did you mean "author"?`},
		{"access-grant: {independent-of: 'Author of {b}'}", `r.yml:14:38: independent-of: "Author" is not a word in small letters`},
		{"access-grant: {independent-of: 'author for {b}'}", `r.yml:14:38: independent-of: "author for {b}" is neither a field nor a fact; write such as author of {repository.full_name}@{sha}`},
		{"access-grant: {scope: '{a ~ [0-9}'}", "r.yml:14:29: scope: \"{a ~ [0-9}\" has an expression that is none: error parsing regexp"},
		{"access-grant: {scope: '{a ~ [0-9]{2}}'}", "write [0-9][0-9] for [0-9]{2}"},
		{"{access-grant: {}, acces-grant: {}}", `r.yml:14:26: no rule yields approvals of kind "acces-grant"; did you mean "access-grant"?`},
		{"{}", "r.yml:14:7: approved-by: write a kind"},
		{"[access-grant]", "r.yml:14:7: approved-by: write a kind"},
	} {
		wantFault(t, folder{"controls.yaml": controls, "g.yml": grants, "r.yml": head + act + c.text + "\n"}, c.want)
	}
}

func TestAFaultOfALinkNamesItsPlaceAndRemedy(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"requires: access-grant", "r.yml:9:45: requires has to be a list of kinds of approval"},
		{"requires: [acess-grant]", `r.yml:9:46: no rule yields approvals of kind "acess-grant"; did you mean "access-grant"?`},
		{"requires: [{access-grant: {}, bild: {}}]", `r.yml:9:65: no rule yields approvals of kind "bild"`},
		{"requires: [access-grant: {actor: same}]", "r.yml:9:46: actor: same means the approval's own actor, and it names none"},
		{"require: [access-grant]", `approval has no key "require"; did you mean "requires"?`},
	} {
		wantFault(t, folder{"g.yml": grants, "r.yml": head + "approval: {kind: k, covers: x,    " + c.text + "}\n"}, c.want)
	}
}

func TestWhatPeopleCallThingsIsNoPatternAndNotTheWordForWhatIsMissing(t *testing.T) {
	hub := event.Envelope{Source: "hub", Product: "github", Service: "webhook"}
	system := strings.Replace(grants, "covers: '{data.scope}'", "covers: 'acme/{data.scope}/*'", 1)
	named := strings.NewReplacer("product: approvals", "product: github", "service: cloudevents", "service: webhook").Replace(system)
	for _, c := range []struct {
		env         event.Envelope
		rule        string
		scope, want string
	}{
		{feed, system, "shop", "acme/shop/*"},
		{feed, system, "*", "acme/*/*"}, // somebody approved that
		{feed, system, "-", ""},
		{hub, named, "shop", "acme/shop/*"},
		{hub, named, "*", ""},
		{hub, named, "prod*", ""},
		{hub, named, "-", ""},
	} {
		p := load(t, folder{"g.yml": c.rule})
		m := one(t, p, c.env, `{"type":"grant","data":{"actor":"alice","approver":"bob","scope":"`+c.scope+`"}}`)
		if got := m.Approval.Covers; got != c.want {
			t.Errorf("%s: %q covers %q, want %q", c.env.Product, c.scope, got, c.want)
		}
	}
}

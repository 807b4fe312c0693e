package people_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"sidedoor/rules/people"
)

func export(t testing.TB, format, file, text string) people.Source {
	t.Helper()
	x, faults := people.Read(format, file, []byte(text))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	return people.Source{File: file, Export: x}
}

func TestPersonsWithTheSameEmailAreOnePerson(t *testing.T) {
	r := &people.Roster{People: []people.Person{{Name: "alice", Email: "alice@acme.example", Aliases: map[string][]string{"github": {"alice-acme"}}, From: []string{"estate.yaml"}}}}
	faults := r.Merge([]people.Source{
		export(t, "scim", "users.json", scimList),
		export(t, "csv", "c.csv", "name,email,github,aws\nRobert,BOB@acme.example,bob-acme,\nally,a.adams@acme.example,,ally\n"),
		export(t, "github-saml", "g.json", `[{"samlIdentity":{"nameId":"alice@acme.example"},"user":{"login":"Alice-Acme"}},{"samlIdentity":{"nameId":"bob@acme.example"},"user":{"login":"BOB-acme"}}]`),
	})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if len(r.People) != 2 {
		t.Fatalf("%+v", r.People)
	}
	a, b := r.People[0], r.People[1]
	if a.Name != "alice" || a.Email != "alice@acme.example" || !slices.Equal(a.Emails, []string{"a.adams@acme.example"}) ||
		!slices.Equal(a.Aliases["github"], []string{"alice-acme"}) || !slices.Equal(a.Aliases["aws"], []string{"ally"}) ||
		!slices.Equal(a.From, []string{"estate.yaml", "users.json", "c.csv", "g.json"}) {
		t.Errorf("alice is %+v", a)
	}
	if b.Name != "bob" || b.Email != "bob@acme.example" || !slices.Equal(b.Aliases["github"], []string{"bob-acme"}) {
		t.Errorf("bob is %+v", b)
	}
	if a.Inactive || b.Inactive {
		t.Error("somebody is active if one of their accounts is")
	}
}

func TestSomebodyInactiveIsStillKnown(t *testing.T) {
	r := &people.Roster{}
	r.Merge([]people.Source{export(t, "scim", "users.json", `[{"userName":"bob@acme.example","active":false}]`)})
	if len(r.People) != 1 || !r.People[0].Inactive || r.People[0].Email != "bob@acme.example" {
		t.Errorf("%+v", r.People)
	}
}

func TestTheEstateWinsOverExports(t *testing.T) {
	r := &people.Roster{
		People:   []people.Person{{Name: "alice", Email: "alice@acme.example", Aliases: map[string][]string{"github": {"ally"}, "aws": {"arn:aws:iam::*:user/alice*"}}}},
		Services: []people.Service{{Name: "deploy-bot", Owner: "alice", Email: "bot@acme.example"}},
	}
	faults := r.Merge([]people.Source{export(t, "csv", "c.csv",
		"name,email,github,aws\nmallory,mallory@acme.example,ally,arn:aws:iam::1:user/alice2\n,bot@acme.example,acme-deploy[bot],\n")})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	if m := r.People[1]; m.Name != "mallory" || len(m.Aliases["github"])+len(m.Aliases["aws"]) > 0 {
		t.Errorf("mallory took a name of alice's: %+v", m)
	}
	if s := r.Services[0]; len(r.Services) != 1 || !slices.Equal(s.Aliases["github"], []string{"acme-deploy[bot]"}) {
		t.Errorf("the service is %+v", r.Services)
	}
}

func TestWithoutAnEmailToCompareTheNameDecides(t *testing.T) {
	r := &people.Roster{People: []people.Person{{Name: "alice"}}}
	faults := r.Merge([]people.Source{export(t, "csv", "c.csv", "name,email,github\nAlice,alice@acme.example,ally\n")})
	if len(faults) > 0 || len(r.People) != 1 || r.People[0].Email != "alice@acme.example" || r.People[0].Aliases["github"][0] != "ally" {
		t.Errorf("%+v, %v", r.People, faults)
	}
}

func TestExportsThatContradictEachOtherAreFaults(t *testing.T) {
	for _, c := range []struct{ name, first, second, want string }{
		{"a name of two", "name,email,github\na,a@x.example,ally\n", "name,email,github\nb,b@x.example,Ally\n", `second, line 2: a and b are both "ally" in github; a name belongs to one person`},
		{"two of one name", "name,email\na,a@x.example\n", "name,email\nA,other@x.example\n", `second, line 2: two are called "a": a@x.example and other@x.example`},
		{"one that is two", "name,email\na,a@x.example\nb,b@x.example\n", "name,email\nc,a@x.example;b@x.example\n", "second, line 2: c has e-mails of both a and b"},
		{"a person with an owner", "name,email\na,a@x.example\n", "name,email,owner\nq,a@x.example,a\n", "second, line 2: a is a person, who has no owner"},
		{"an owner whom nobody knows", "name,email\nalice,a@x.example\n", "name,owner\njob,alcie\n", `second, line 2: the owner of job, "alcie", is no person; did you mean "alice"?`},
		{"an owner that is a service", "name,email,owner\na,,job\n", "name,owner\njob,a\n", `the owner of a, "job", is no person`},
	} {
		r := &people.Roster{}
		faults := r.Merge([]people.Source{export(t, "csv", "first", c.first), export(t, "csv", "second", c.second)})
		if !slices.ContainsFunc(faults, func(f people.Fault) bool { return strings.Contains(f.Error(), c.want) }) {
			t.Errorf("%s: want %q, got %v", c.name, c.want, faults)
		}
	}
}

func TestMembersOfExportedGroupsAddUp(t *testing.T) {
	r := &people.Roster{
		People: []people.Person{{Name: "carol"}},
		Groups: []people.Group{{Name: "Release-Approvers", Members: []string{"carol"}}},
	}
	faults := r.Merge([]people.Source{
		export(t, "scim", "users.json", scimList),
		export(t, "csv", "c.csv", "name,email,groups\nzoe,zoe@x.example,release-approvers;contractors\ncarol,,release-approvers\n"),
	})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	got := map[string][]string{}
	for _, g := range r.Groups {
		got[g.Name] = append(slices.Clone(g.Members), g.Groups...)
	}
	want := map[string][]string{
		"Release-Approvers": {"carol", "alice@acme.example", "zoe"},
		"everybody":         {"bob", "release-approvers"}, "contractors": {"zoe"},
	}
	if !maps.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAnOwnerMayBeGivenByEmail(t *testing.T) {
	r := &people.Roster{People: []people.Person{{Name: "alice", Email: "alice@acme.example"}}}
	faults := r.Merge([]people.Source{export(t, "csv", "c.csv", "name,owner\njob,Alice@acme.example\n")})
	if len(faults) > 0 || r.Services[0].Owner != "alice" {
		t.Errorf("%+v, %v", r.Services, faults)
	}
}

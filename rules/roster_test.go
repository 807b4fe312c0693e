package rules_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"sidedoor/rules"
	"sidedoor/rules/sigma"
)

const company = `people:
  - {name: alice, email: alice@acme.example, aliases: {github: [alice-acme]}}
  - {name: bob, groups: [everybody]}
services:
  - {name: deploy-bot, owner: alice@acme.example, aliases: {github: ['acme-deploy[bot]']}, groups: [everybody]}
groups:
  - {name: release-approvers, members: [alice@acme.example, deploy-bot], aliases: {github: [release-team]}}
  - {name: everybody, members: [release-approvers]}
scopes:
  acme: [production]
  production: ['111122223333']
directories:
  - {format: csv, file: people/contractors.csv}
`

const contractors = "name,email,groups,owner,github\nzoe,zoe@partner.example,release-approvers,,zoe-p\nnightly,,,bob,\n"

func TestAnEstateSaysWhoIsWhoWithItsDirectories(t *testing.T) {
	p := load(t, folder{"deep/estate.yaml": company, "people/contractors.csv": contractors})
	e := p.Estate
	members := map[string][]string{}
	for _, g := range e.Groups {
		members[g.Name] = append(slices.Clone(g.Members), g.Groups...)
	}
	want := map[string][]string{
		"release-approvers": {"alice", "deploy-bot", "zoe"},
		"everybody":         {"bob", "deploy-bot", "release-approvers"},
	}
	if !maps.EqualFunc(members, want, slices.Equal[[]string]) {
		t.Errorf("the groups are %v, want %v", members, want)
	}
	if len(e.People) != 3 || e.People[2].Name != "zoe" || len(e.Services) != 2 || e.Services[0].Owner != "alice" || e.Services[1].Owner != "bob" {
		t.Errorf("people %+v, services %+v", e.People, e.Services)
	}
	if len(e.Directories) != 1 || e.Directories[0].File != "people/contractors.csv" || len(e.Scopes) != 2 {
		t.Errorf("directories %+v, scopes %v", e.Directories, e.Scopes)
	}
}

func TestAFaultOfTheRosterIsReportedWithItsPlaceAndRemedy(t *testing.T) {
	for _, c := range []struct{ name, from, to, want string }{
		{"an owner whom nobody knows", "owner: alice@acme.example", "owner: alcie", `estate.yaml:5:31: the estate has no person "alcie"; did you mean "alice"?`},
		{"an owner that is a group", "owner: alice@acme.example", "owner: everybody", `the estate has no person "everybody"`},
		{"a service without an owner", "owner: alice@acme.example, ", "", "estate.yaml:5:5: a service needs an owner: the person who answers for it"},
		{"a service without a name", "name: deploy-bot, ", "", "a service needs a name"},
		{"a member whom nobody knows", "members: [alice@acme.example,", "members: [alcie,", `estate.yaml:7:41: the estate has no person, service or group "alcie"; did you mean "alice"?`},
		{"a group of nobody's", "groups: [everybody]}\nservices", "groups: [evrybody]}\nservices", `estate.yaml:3:26: the estate has no group "evrybody"; did you mean "everybody"?`},
		{"a group that is part of itself", "[alice@acme.example, deploy-bot]", "[everybody]", `estate.yaml:8:5: the group "everybody" is part of itself: everybody > release-approvers > everybody`},
		{"a group that is its own member", "members: [release-approvers]", "members: [everybody]", `the group "everybody" is part of itself: everybody > everybody`},
		{"a group called like somebody", "name: release-approvers,", "name: deploy-bot,", `"deploy-bot" is somebody and a group, too`},
		{"a person called like a service", "name: bob,", "name: Deploy-Bot,", `estate.yaml:5:5: there is a person "Deploy-Bot" and a service "deploy-bot"; nobody could tell them apart`},
		{"two persons who differ in letter case", "name: bob,", "name: Alice,", `there is a person "alice" and a person "Alice"`},
		{"a name of a person and of a service", "acme-deploy[bot]", "Alice-Acme", `estate.yaml:5:5: alice and deploy-bot are both "alice-acme" in github; a name belongs to one of them`},
		{"an alias of two groups", "{name: everybody,", "{name: everybody, aliases: {github: [Release-Team]},", `release-approvers and everybody are both "release-team" in github; a name belongs to one of them`},
		{"a group twice", "{name: everybody,", "{name: release-approvers,", `there is another group "release-approvers" in this folder`},
		{"a scope that holds itself", "['111122223333']", "[acme]", `estate.yaml:10:3: the scope "acme" holds itself: acme > production > acme`},
		{"a scope that is its own part", "['111122223333']", "[production]", `the scope "production" holds itself: production > production`},
		{"scopes that are a list", "scopes:\n  acme: [production]\n  production: ['111122223333']", "scopes: [acme]", "scopes has to be a mapping of scopes to those that they hold"},
		{"an unknown format", "format: csv", "format: cvs", `estate.yaml:13:14: format "cvs" is none of csv, github-saml, scim; did you mean "csv"?`},
		{"a directory that is not there", "contractors.csv", "contractor.csv", `estate.yaml:13:25: file "people/contractor.csv": file does not exist`},
		{"a directory outside the folder", "people/contractors.csv", "../contractors.csv", `file "../contractors.csv" is no path below the policy's folder`},
		{"a directory without a file", ", file: people/contractors.csv", "", "a directory needs a file"},
		{"an unknown key of a directory", "file:", "path:", `directory has no key "path"`},
		{"a folder for a directory", "people/contractors.csv", "people", `file "people": `},
		{"a directory that is broken", "people/contractors.csv", "people/broken.csv", `estate.yaml:13:25: people/broken.csv, line 3: it has another number of fields than the header`},
		{"a directory that contradicts another", "file: people/contractors.csv}", "file: people/contractors.csv}\n  - {format: csv, file: people/other.csv}", `estate.yaml:14:25: people/other.csv, line 2: zoe and yan are both "zoe-p" in github`},
		{"a service of a directory without an owner", "name: bob,", "name: rob,", `people/contractors.csv, line 3: the owner of nightly, "bob", is no person`},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(company, c.from, c.to, 1)
			if text == company {
				t.Fatal("the estate is as it was")
			}
			_, faults := rules.Load(folder{
				"estate.yaml": text, "people/contractors.csv": contractors,
				"people/broken.csv": "name,email\na,b@c\nd\n", "people/other.csv": "name,email,github\nyan,yan@partner.example,zoe-p\n",
			}.fs())
			if !slices.ContainsFunc(faults, func(f sigma.Fault) bool { return strings.Contains(f.Error(), c.want) }) {
				t.Errorf("want a fault %q, got:\n%v", c.want, faults)
			}
			// Half an estate would judge people by other names.
			if len(rules.OfEstate(faults)) != len(faults) {
				t.Errorf("not all faults are the estate's: %v", faults)
			}
		})
	}
}

func TestALaterEstateReplacesByName(t *testing.T) {
	base := folder{"estate.yaml": company, "people/contractors.csv": contractors}
	over := folder{"estate.yaml": "people: [{name: carol}]\nservices: [{name: deploy-bot, owner: carol}]\ngroups: [{name: release-approvers, members: [carol]}]\nscopes: {acme: [testing]}\ndirectories: [{format: csv, file: people/contractors.csv}]\n",
		"people/contractors.csv": "name,email\nyan,yan@partner.example\n"}
	e := load(t, base, over).Estate
	var names []string
	for _, p := range e.People {
		names = append(names, p.Name)
	}
	if !slices.Equal(names, []string{"alice", "bob", "carol", "yan"}) || len(e.Services) != 1 || e.Services[0].Owner != "carol" {
		t.Errorf("people %v, services %+v", names, e.Services)
	}
	if g := e.Groups[1]; g.Name != "release-approvers" || !slices.Equal(g.Members, []string{"carol"}) || len(g.Aliases) != 0 {
		t.Errorf("groups %+v", e.Groups)
	}
	if s := e.Scopes; len(s) != 2 || !slices.Equal(s["acme"], []string{"testing"}) {
		t.Errorf("scopes %v", s)
	}
}

// An owner or member that an earlier folder named does not count when a later
// one has replaced what named it.
func TestWhatWasReplacedIsNotFaulty(t *testing.T) {
	load(t, folder{"estate.yaml": "people: [{name: alice}]\ngroups: [{name: g, members: [alice]}]\n"},
		folder{"estate.yaml": "people: [{name: bob}]\nservices: [{name: s, owner: bob}]\n"},
		folder{"estate.yaml": "groups: [{name: g, members: [bob]}]\nservices: [{name: s, owner: alice}]\n"})
}

func TestTheDigestTellsWhoIsWhoApart(t *testing.T) {
	base := folder{"estate.yaml": company, "people/contractors.csv": contractors}
	was := load(t, base).Digest
	for name, change := range map[string][3]string{
		"a group's member":      {"estate.yaml", "members: [alice@acme.example, deploy-bot]", "members: [deploy-bot]"},
		"a service's owner":     {"estate.yaml", "owner: alice@acme.example", "owner: bob"},
		"an alias of a service": {"estate.yaml", "acme-deploy[bot]", "x"},
		"a group's alias":       {"estate.yaml", "release-team", "x"},
		"a scope":               {"estate.yaml", "'111122223333'", "x"},
		"a directory":           {"people/contractors.csv", "zoe-p", "zoe-q"},
		"a remark of its own":   {"people/contractors.csv", "nightly,,,bob,\n", "nightly,,,bob,\n\n"},
	} {
		changed := maps.Clone(base)
		changed[change[0]] = strings.Replace(base[change[0]], change[1], change[2], 1)
		if changed[change[0]] == base[change[0]] {
			t.Errorf("%s: nothing changed", name)
		}
		if load(t, changed).Digest == was {
			t.Errorf("%s changes, and the digest does not", name)
		}
	}
}

func TestAControlMayBeOwnedBySomebodyOfADirectory(t *testing.T) {
	load(t, folder{
		"controls.yaml": "controls: [{id: A, owner: zoe, reviewers: [zoe, bob]}]\n", "estate.yaml": company, "people/contractors.csv": contractors,
	})
}

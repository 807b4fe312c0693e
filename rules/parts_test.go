package rules

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"sidedoor/event"
)

func TestAPolicyKnowsTheDigestOfEveryFileThatItIsMadeOf(t *testing.T) {
	base := fstest.MapFS{"controls.yaml": {Data: []byte("controls: [{id: A-1}]\n")}, "README.md": {Data: []byte("no policy")}}
	over := fstest.MapFS{"estate.yaml": {Data: []byte("lists: {verbs: [list]}\ndirectories: [{format: csv, file: people/staff.csv}]\n")},
		"people/staff.csv": {Data: []byte("name,email\nbob,bob@acme.example\n")}, "rules/broken.yml": {Data: []byte("title: [\n")}}
	p, _ := LoadLayers(Layer{FS: base, Path: "base"}, Layer{FS: over, Path: "over"})
	src := map[string][]byte{}
	for name, f := range base {
		src["base/"+name] = f.Data
	}
	for name, f := range over {
		src["over/"+name] = f.Data
	}
	var got []string
	for _, f := range p.Announce(time.Time{}, "v", nil).Files {
		if f.Digest != event.DigestOf(src[f.Path]) {
			t.Errorf("%s has another digest", f.Path)
		}
		got = append(got, f.Path)
	}
	if want := []string{"base/controls.yaml", "over/estate.yaml", "over/people/staff.csv", "over/rules/broken.yml"}; !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
}

// changed names the parts of the estate and controls that differ, and says whether
// the digest does.
func changed(before, after fstest.MapFS) (names []string, digest bool) {
	old, _ := Load(before) // the filter is for no rule, which is said
	fresh, _ := Load(after)
	parts := func(p *Policy) map[string]event.Digest {
		out := map[string]event.Digest{}
		a := p.Announce(time.Time{}, "v", nil)
		for _, v := range slices.Concat(a.Controls, a.Estate, a.Filters) {
			out[v.Name] = v.Digest
		}
		return out
	}
	was, is := parts(old), parts(fresh)
	for name := range was {
		if was[name] != is[name] {
			names = append(names, name)
		}
	}
	for name := range is {
		if _, known := was[name]; !known {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, old.Digest != fresh.Digest
}

// Whatever of an estate, the controls or the filters changes, the digest of the
// policy does, and the part that changed is named.
func TestNoPartOfAPolicyChangesUnseen(t *testing.T) {
	base := func(replace ...string) fstest.MapFS {
		files := fstest.MapFS{}
		for name, src := range map[string]string{
			"estate.yaml":   "lists: {verbs: [list], nouns: [pod]}\nservices: [{name: bot, owner: alice}]\ngroups: [{name: approvers, members: [alice]}]\nscopes: {acme: [prod]}\ndirectories: [{format: csv, file: staff.csv}]\npeople: [{name: alice, email: a@acme.example, aliases: {github: [alice]}}, {name: bob}]\n",
			"staff.csv":     "name,email\nzoe,zoe@acme.example\n",
			"controls.yaml": "controls: [{id: A-1, title: T, owner: alice, reviewers: [bob]}, {id: A-2}]\n",
			"filter.yml":    "title: F\nname: quiet\nlogsource: {product: kubernetes}\nfilter: {rules: any, s: {verb: get}, condition: s}\n",
		} {
			for i := 0; i+1 < len(replace); i += 2 {
				src = strings.ReplaceAll(src, replace[i], replace[i+1])
			}
			files[name] = &fstest.MapFile{Data: []byte(src)}
		}
		return files
	}
	for _, c := range []struct {
		name, old, fresh string
		want             []string
	}{
		{"an entry of a list", "[list]", "[list, watch]", []string{"lists/verbs"}},
		{"a list more", "nouns: [pod]", "nouns: [pod], more: []", []string{"lists/more"}},
		{"somebody's alias", "github: [alice]", "github: [alice, mallory]", []string{"people/alice"}},
		{"somebody more", "{name: bob}", "{name: bob}, {name: carol}", []string{"people/carol"}},
		{"who answers for a service", "owner: alice}]\n", "owner: bob}]\n", []string{"services/bot"}},
		{"a group's members", "members: [alice]", "members: [alice, bob]", []string{"groups/approvers"}},
		{"what a scope holds", "[prod]", "[prod, staging]", []string{"scopes/acme"}},
		{"an export of a directory", "zoe@acme.example", "zoe@other.example", []string{"directories/staff.csv", "people/zoe"}},
		{"a control's reviewer", "reviewers: [bob]", "reviewers: [alice]", []string{"A-1"}},
		{"a filter, though no rule is what it is for", "verb: get", "verb: list", []string{"quiet"}},
		{"nothing", "nothing", "nothing", nil},
	} {
		names, digest := changed(base(), base(c.old, c.fresh))
		if !slices.Equal(names, c.want) || digest != (len(c.want) > 0) {
			t.Errorf("%s: %v changed, and the digest: %v; want %v", c.name, names, digest, c.want)
		}
	}
}

func TestOfTooManyPeopleItIsOnlySaidWhetherTheyChanged(t *testing.T) {
	e := Estate{}
	for i := range maxListed + 1 {
		e.People = append(e.People, Person{Name: fmt.Sprint("p", i)})
	}
	before := e.versions()
	e.People[7].Email = "x@acme.example"
	after := e.versions()
	if len(before) != 1 || before[0].Name != "people" || before[0].Digest == after[0].Digest {
		t.Errorf("%v, then %v", before, after)
	}
}

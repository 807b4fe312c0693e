package people_test

import (
	"testing"

	"sidedoor/rules/people"
)

// fuzz checks that an export, however hostile, gives names or faults, stays
// within its bounds, and can be merged.
func fuzz(f *testing.F, format string, seeds ...string) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		x, faults := people.Read(format, "x", src)
		if len(x.Users)+len(x.Groups) == 0 && len(faults) == 0 && len(src) == 0 {
			t.Error("an empty file is no export")
		}
		r := &people.Roster{People: []people.Person{{Name: "alice", Email: "alice@acme.example", Aliases: map[string][]string{"github": {"alice-acme"}}}}}
		r.Merge([]people.Source{{File: "x", Export: x}, {File: "y", Export: x}})
		if a := r.People[0]; a.Name != "alice" || a.Email != "alice@acme.example" {
			t.Errorf("an export changed what the estate says: %+v", a)
		}
		claimed := map[people.Identity]string{}
		for _, p := range r.People {
			if p.Name == "" {
				t.Error("a person without a name")
			}
			for _, id := range p.Names() {
				if other, taken := claimed[id]; taken && other != p.Name {
					t.Errorf("%v is of both %s and %s", id, other, p.Name)
				}
				claimed[id] = p.Name
			}
		}
	})
}

func FuzzSCIM(f *testing.F) {
	fuzz(f, "scim", scimList, "[]", `{"Resources":null,"totalResults":1}`, `[[[]]]`, `{"userName":"a@b","emails":[{"value":"alice@acme.example"}]}`)
}

func FuzzCSV(f *testing.F) {
	fuzz(f, "csv", "name,email,groups,owner,github\na,a@b;c@d,g;h,,x;y\nb,,,a,*\n", "\ufeffname\n\"a\nb\"\n", "email,email\n", "name,github\nq,alice-acme\n")
}

func FuzzGitHubSAML(f *testing.F) {
	fuzz(f, "github-saml", `{"data":{"organization":{"samlIdentityProvider":{"externalIdentities":{"edges":[{"node":{"samlIdentity":{"nameId":"a@b"},"user":{"login":"x"}}}]}}}}}`,
		`[{"scimIdentity":{"username":"alice@acme.example"},"user":null},{"node":null}]`, `{"edges":[[[[[[[[[[]]]]]]]]]]}`)
}

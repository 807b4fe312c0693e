package rules

import (
	"testing"
)

func TestANameLeadsToThePersonBehindIt(t *testing.T) {
	d := newDirectory(Estate{People: []Person{
		{Name: "alice", Email: "Alice@acme.example", Aliases: map[string][]string{
			"aws": {"arn:aws:sts::*:assumed-role/*/alice"}, "github": {"alice-acme"}, "kubernetes": {"oidc:*:alice"},
		}},
		{Name: "bob", Email: "bob@acme.example", Aliases: map[string][]string{"aws": {"arn:aws:iam::1:user/Bob", "arn:aws:sts::*"}}},
	}}, nil)
	for _, c := range []struct{ product, name, want string }{
		{"github", "alice-acme", "alice"},
		{"github", "ALICE-Acme", "alice"},
		{"kubernetes", "alice-acme", "alice-acme"}, // a name of another product
		{"kubernetes", "alice@acme.example", "alice"},
		{"approvals", "ALICE@ACME.EXAMPLE", "alice"},
		{"kubernetes", "oidc:x:alice", "alice"},
		{"kubernetes", "oidc:alice", "oidc:alice"},
		{"aws", "arn:aws:sts::1:assumed-role/Engineer/alice", "alice"},
		{"aws", "arn:aws:sts::1:assumed-role/Engineer/alice2", "bob"}, // the first pattern that fits
		{"aws", "ARN:AWS:IAM::1:USER/BOB", "bob"},
		{"aws", "arn:aws:iam::2:user/bob", "arn:aws:iam::2:user/bob"},
		{"", "", ""},
	} {
		if got := d.resolve(c.product, c.name); got.Name != c.name || got.Person != c.want || got.Unknown != (c.want == c.name && c.want != "") {
			t.Errorf("%s %q: %+v, want %q", c.product, c.name, got, c.want)
		}
	}
}

package rules

import (
	"encoding/json"
	"slices"
	"testing"

	"sidedoor/event"
	"sidedoor/rules/engine"
)

// company is an estate in which everybody has the names that they have in life.
func company() Estate {
	return Estate{
		People: []Person{
			{Name: "alice", Email: "alice@acme.example", Aliases: map[string][]string{
				"aws":    {"arn:aws:sts::*:assumed-role/Engineer/alice", "90670d8f-1111-4222-8333-444455556666", "alice-iam"},
				"github": {"alice-acme"},
			}},
			{Name: "bob", Email: "bob@acme.example", Aliases: map[string][]string{"aws": {"bob"}, "kubernetes": {"oidc:bob"}}},
		},
		Services: []Service{
			{Name: "deploy-bot", Owner: "alice", Aliases: map[string][]string{
				"aws":        {"arn:aws:iam::111122223333:role/ci-deploy", "repo:acme/shop:ref:refs/heads/main"},
				"github":     {"acme-deploy[bot]"},
				"kubernetes": {"system:serviceaccount:ci:*", "eks-admin"},
			}},
			{Name: "nightly", Owner: "bob", Aliases: map[string][]string{"aws": {"arn:aws:sts::111122223333:assumed-role/nightly/*"}}},
			{Name: "root", Owner: "alice", Aliases: map[string][]string{"aws": {"111122223333"}}},
			{Name: "cloudformation", Owner: "alice", Aliases: map[string][]string{"aws": {"cloudformation.amazonaws.com"}}},
		},
	}
}

// assumed is the identity of a session of a role.
func assumed(role, session, more string) string {
	path := role
	if role == "AWSReservedSSO_Admin_0123456789abcdef" {
		path = "aws-reserved/sso.amazonaws.com/eu-west-1/" + role
	}
	return `{"userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE:` + session + `","arn":"arn:aws:sts::111122223333:assumed-role/` + role + `/` + session +
		`","accountId":"111122223333","accessKeyId":"ASIAEXAMPLE1","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLE","arn":"arn:aws:iam::111122223333:role/` + path +
		`","userName":"` + role + `"},"attributes":{"mfaAuthenticated":"false"}` + more + `}}`
}

func TestBehindAnEventIsThePersonWhomTheMostTrustedNameLeadsTo(t *testing.T) {
	const sso = "AWSReservedSSO_Admin_0123456789abcdef"
	for _, c := range []struct{ name, product, event, want, by string }{
		{"a role session that the estate lists", "aws", assumed("Engineer", "alice", "}"), "alice", ""},
		{"a session whose bare name it lists", "aws", assumed("Admin", "bob", "}"), "bob", "role-session bob"},
		{"a session named after an e-mail is nobody's proof", "aws", assumed("Admin", "bob@acme.example", "}"), "", ""},
		{"a session of a role that it does not list", "aws", assumed("Other", "alice", "}"), "", ""},
		{"the Identity Center names its own sessions", "aws", assumed(sso, "bob@acme.example", "}"), "bob", "role-session bob@acme.example"},
		{"a role that is called like its own", "aws", assumed("AWSReservedSSO_Mine", "bob@acme.example", "}"), "", ""},
		{"the source identity beats a spoofed session", "aws", assumed("Engineer", "alice", `,"sourceIdentity":"bob@acme.example"}`), "bob", "source-identity bob@acme.example"},
		{"and is believed where the estate does not know it", "aws", assumed("Engineer", "alice", `,"sourceIdentity":"mallory"}`), "", ""},
		{"a role that is somebody whoever assumes it", "aws", assumed("nightly", "x", `,"sourceIdentity":"mallory"}`), "nightly", ""},
		{"through a chain of roles", "aws", assumed("Third", "hop", `,"sourceIdentity":"alice-iam"}`), "alice", "source-identity alice-iam"},
		{"a user of the Identity Center", "aws", assumed("Any", "x", `},"onBehalfOf":{"userId":"90670d8f-1111-4222-8333-444455556666","identityStoreArn":"arn:aws:identitystore::1:identitystore/d-1"}`), "alice", "on-behalf-of 90670d8f-1111-4222-8333-444455556666"},
		{"the same without an ARN", "aws", `{"userIdentity":{"type":"IdentityCenterUser","onBehalfOf":{"userId":"90670d8f-1111-4222-8333-444455556666"},"accountId":"1"}}`, "alice", ""},
		{"a role that is a service", "aws", assumed("ci-deploy", "i-0abc", "}"), "deploy-bot", "role arn:aws:iam::111122223333:role/ci-deploy"},
		{"a user of IAM", "aws", `{"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/alice-iam","userName":"alice-iam","accessKeyId":"AKIAEXAMPLE"}}`, "alice", "user alice-iam"},
		{"a workflow by its OIDC subject", "aws", `{"userIdentity":{"type":"WebIdentityUser","principalId":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com:sts.amazonaws.com:repo:acme/shop:ref:refs/heads/main","userName":"repo:acme/shop:ref:refs/heads/main","identityProvider":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"}}`, "deploy-bot", ""},
		{"an e-mail as the subject of any provider", "aws", `{"userIdentity":{"type":"WebIdentityUser","principalId":"accounts.google.com:client:x","userName":"bob@acme.example"}}`, "", ""},
		{"a user of the company's SAML", "aws", `{"userIdentity":{"type":"SAMLUser","principalId":"ns:bob@acme.example","userName":"bob@acme.example"}}`, "bob", ""},
		{"a federated session, which names itself", "aws", `{"userIdentity":{"type":"FederatedUser","principalId":"111122223333:bob@acme.example","arn":"arn:aws:sts::111122223333:federated-user/bob@acme.example","sessionContext":{"sessionIssuer":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/alice-iam","userName":"alice-iam"}}}}`, "alice", "issuer alice-iam"},
		{"root", "aws", `{"userIdentity":{"type":"Root","principalId":"111122223333","arn":"arn:aws:iam::111122223333:root","accountId":"111122223333"}}`, "root", "principal 111122223333"},
		{"a service of AWS", "aws", `{"userIdentity":{"type":"AWSService","invokedBy":"cloudformation.amazonaws.com"}}`, "cloudformation", ""},
		{"a role's session by its ID", "aws", `{"userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE:bob","accountId":"111122223333"}}`, "bob", "role-session bob"},
		{"a session of another account's role", "aws", `{"userIdentity":{"type":"AWSAccount","principalId":"AROAOTHER:bob","accountId":"999988887777"}}`, "", ""},
		{"another account that the estate lists", "aws", `{"userIdentity":{"type":"AWSAccount","principalId":"AROAOTHER:x","accountId":"111122223333"}}`, "root", "account 111122223333"},
		{"an event of nobody", "aws", `{"eventName":"x"}`, "", ""},

		{"a user of a cluster", "kubernetes", `{"user":{"username":"oidc:bob"}}`, "bob", ""},
		{"a service account", "kubernetes", `{"user":{"username":"system:serviceaccount:ci:deployer","extra":{"authentication.kubernetes.io/pod-name":["deployer-1"]}}}`, "deploy-bot", ""},
		{"whoever impersonates has acted", "kubernetes", `{"user":{"username":"oidc:bob"},"impersonatedUser":{"username":"alice@acme.example","groups":["system:masters"]}}`, "bob", "impersonates alice@acme.example, impersonates system:masters"},
		{"what is said of the impersonated is not believed", "kubernetes", `{"user":{"username":"x"},"impersonatedUser":{"username":"y","extra":{"arn":["arn:aws:sts::1:assumed-role/Engineer/alice"]}}}`, "", "impersonates y"},
		{"a role of AWS in EKS", "kubernetes", `{"user":{"username":"unmapped","extra":{"accessKeyId":["ASIAEXAMPLE2"],"arn":["arn:aws:sts::111122223333:assumed-role/Engineer/alice"],"canonicalArn":["arn:aws:iam::111122223333:role/Engineer"],"sessionName":["alice"]}}}`, "alice", "arn arn:aws:sts::111122223333:assumed-role/Engineer/alice"},
		{"a person behind a shared name of EKS", "kubernetes", `{"user":{"username":"eks-admin","extra":{"arn":["arn:aws:sts::1:assumed-role/Any/bob"],"sessionName":["bob"]}}}`, "bob", "role-session bob"},
		{"nobody known behind it", "kubernetes", `{"user":{"username":"eks-admin","extra":{"arn":["arn:aws:sts::1:assumed-role/Any/zoe"],"sessionName":["zoe"]}}}`, "deploy-bot", ""},
		{"a service by its role in EKS", "kubernetes", `{"user":{"username":"x","extra":{"canonicalArn":["arn:aws:iam::111122223333:role/ci-deploy"]}}}`, "deploy-bot", "role arn:aws:iam::111122223333:role/ci-deploy"},

		{"a sender", "github", `{"sender":{"login":"Alice-Acme"}}`, "alice", ""},
		{"an actor of the audit log", "github", `{"actor":"acme-deploy[bot]"}`, "deploy-bot", ""},
		{"an account by its SAML identity", "github", `{"actor":"bob-private","user":"bob-private","external_identity_nameid":"bob@acme.example"}`, "bob", "saml bob@acme.example"},
		{"the identity of whom it was done to", "github", `{"actor":"mallory","user":"bob-private","external_identity_nameid":"bob@acme.example"}`, "", ""},

		{"another product", "approvals", `{"actor":"bob@acme.example"}`, "bob", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := newDirectory(company(), nil).behind(c.product, subjectOf(t, c.event))
			if c.want == "" {
				if got.Name != got.Person || got.Unknown != (got.Name != "") {
					t.Errorf("the estate knows nobody of it: %+v", got)
				}
			} else if got.Person != c.want || got.Unknown {
				t.Errorf("it is %+v, want %s", got, c.want)
			}
			if by := hops(got.Chain); by != c.by {
				t.Errorf("found by %q, want %q", by, c.by)
			}
		})
	}
}

func subjectOf(t testing.TB, raw string) *subject {
	t.Helper()
	if !json.Valid([]byte(raw)) {
		t.Fatalf("no JSON: %s", raw)
	}
	return newSubject("test", event.Event{Raw: []byte(raw)}, engine.NewReader())
}

func hops(chain []event.Hop) string {
	s := ""
	for i, h := range chain {
		if i > 0 {
			s += ", "
		}
		s += h.By + " " + h.Name
	}
	return s
}

func TestAPartyNamesItsSessionSoThatTheOneWhoBeganItCanBeFound(t *testing.T) {
	d := newDirectory(company(), nil)
	for _, c := range []struct{ product, event, want string }{
		{"aws", assumed("Unlisted", "x", "}"), "aws/ASIAEXAMPLE1"},
		{"aws", `{"userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::1:user/x","accessKeyId":"AKIAEXAMPLE"}}`, ""},
		{"kubernetes", `{"user":{"username":"x","extra":{"accessKeyId":["ASIAEXAMPLE2"]}}}`, "aws/ASIAEXAMPLE2"},
		{"kubernetes", `{"user":{"username":"x"}}`, ""},
	} {
		if got := d.behind(c.product, subjectOf(t, c.event)).Session; got != c.want {
			t.Errorf("%s: session %q, want %q", c.event, got, c.want)
		}
	}
}

func TestAServiceHasAnOwnerAndGroupsReachThroughGroups(t *testing.T) {
	e := company()
	e.Groups = []Group{
		{Name: "release-approvers", Members: []string{"bob"}, Groups: []string{"platform"}, Aliases: map[string][]string{"github": {"release-team", "rel-*"}}},
		{Name: "platform", Members: []string{"alice", "deploy-bot"}, Groups: []string{"release-approvers"}},
		{Name: "everybody", Groups: []string{"platform", "gone"}},
	}
	d := newDirectory(e, []string{"release-approvers", "everybody"})
	for _, c := range []struct {
		product, name, owner string
		groups               []string
	}{
		{"github", "alice-acme", "", []string{"everybody", "release-approvers"}},
		{"github", "acme-deploy[bot]", "alice", []string{"everybody", "release-approvers"}},
		{"kubernetes", "oidc:bob", "", []string{"everybody", "release-approvers"}},
		{"aws", "arn:aws:sts::111122223333:assumed-role/nightly/x", "bob", nil},
		{"github", "mallory", "", nil},
	} {
		got := d.resolve(c.product, c.name)
		if got.Owner != c.owner || !slices.Equal(got.Groups, c.groups) {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	for _, c := range []struct{ product, name, want string }{
		{"github", "Release-Team", "release-approvers"}, {"github", "rel-eu", "release-approvers"}, {"", "PLATFORM", "platform"},
		{"gitlab", "release-team", "release-team"}, {"github", "unknown", "unknown"},
	} {
		if got := d.group(c.product, c.name); got != c.want {
			t.Errorf("%s calls %q %q, want %q", c.product, c.name, got, c.want)
		}
	}
	if got := newDirectory(e, []string{"everybody"}).resolve("github", "alice-acme"); !slices.Equal(got.Groups, []string{"everybody"}) {
		t.Errorf("a party has only the groups that rules ask for, not %v", got.Groups)
	}
}

// FuzzBehind checks that nobody is found whom the event does not name.
func FuzzBehind(f *testing.F) {
	f.Add("aws", []byte(assumed("Engineer", "alice", `,"sourceIdentity":"bob"}`)))
	f.Add("kubernetes", []byte(`{"user":{"username":"x","extra":{"arn":["y"]}},"impersonatedUser":{"groups":["g",1,null]}}`))
	f.Add("github", []byte(`{"sender":{"login":"x"},"sender":{"login":"alice-acme"}}`))
	d := newDirectory(company(), nil)
	f.Fuzz(func(t *testing.T, product string, raw []byte) {
		got := d.behind(product, newSubject("", event.Event{Raw: raw}, engine.NewReader()))
		if got.Person != "" && !got.Unknown && d.byName[got.Person] == nil {
			t.Errorf("nobody is called %q", got.Person)
		}
		if got.Unknown && got.Person != got.Name {
			t.Errorf("somebody unknown is who they say they are, not %+v", got)
		}
	})
}

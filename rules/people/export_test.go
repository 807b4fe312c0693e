package people_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sidedoor/rules/people"
)

const scimList = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":4,"itemsPerPage":4,"startIndex":1,"Resources":[
 {"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"u-1","userName":"alice@acme.example","displayName":"Alice A.","active":true,
  "name":{"givenName":"Alice"},"emails":[{"value":"a.adams@acme.example","type":"work"},{"value":"Alice@acme.example","primary":true}],
  "groups":[{"value":"g-1","display":"release-approvers"}],"meta":{"resourceType":"User"}},
 {"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"f0e1d2c3-1111-4222-8333-444455556666","userName":"bob","active":"False",
  "emails":[{"value":"bob@acme.example"}],"groups":[{"value":"g-2"}]},
 {"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"g-1","displayName":"release-approvers","members":[{"value":"u-1"},{"value":"gone"}]},
 {"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"id":"g-2","displayName":"everybody","members":[{"value":"g-1","type":"Group"}]}]}`

func TestASCIMListingTellsOfUsersAndGroups(t *testing.T) {
	x, faults := people.Read("scim", "users.json", []byte(scimList))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	want := []people.User{
		{Place: "record 1", ID: "u-1", Name: "alice@acme.example", Emails: []string{"alice@acme.example", "a.adams@acme.example"}, Groups: []string{"release-approvers"}},
		{Place: "record 2", ID: "f0e1d2c3-1111-4222-8333-444455556666", Name: "bob", Emails: []string{"bob@acme.example"},
			Aliases: map[string][]string{"aws": {"f0e1d2c3-1111-4222-8333-444455556666"}}, Groups: []string{"everybody"}, Inactive: true},
	}
	if got, want := show(x.Users), show(want); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if len(x.Groups) != 2 || !slices.Equal(x.Groups[0].Members, []string{"u-1", "gone"}) || x.Groups[1].Name != "everybody" {
		t.Errorf("the groups are %+v", x.Groups)
	}
}

func show(users []people.User) string {
	var b strings.Builder
	for _, u := range users {
		fmt.Fprintf(&b, "%s|%s|%s|%v|%v|%v|%s|%v\n", u.Place, u.ID, u.Name, u.Emails, u.Aliases, u.Groups, u.Owner, u.Inactive)
	}
	return b.String()
}

func TestSCIMIsReadInEveryShapeThatPeopleExport(t *testing.T) {
	const user = `{"userName":"alice@acme.example"}`
	for name, text := range map[string]string{
		"an array":                        "[" + user + "]",
		"one resource":                    user,
		"a listing":                       `{"totalResults":1,"Resources":[` + user + "]}",
		"an array of pages":               `[{"totalResults":1,"Resources":[` + user + "]}]",
		"resources on lines":              user + "\n" + `{"displayName":"a group"}` + "\n",
		"attributes in other letter case": `{"USERNAME":"alice@acme.example"}`,
	} {
		x, faults := people.Read("scim", "users.json", []byte(text))
		if len(faults) > 0 || len(x.Users) != 1 || x.Users[0].Name != "alice@acme.example" {
			t.Errorf("%s: %+v, %v", name, x.Users, faults)
		}
	}
}

func TestATableTellsOfPeopleAndServices(t *testing.T) {
	x, faults := people.Read("csv", "c.csv", []byte("\ufeffName,email,groups,owner,github,aws\r\n"+
		"zoe,Zoe@partner.example; z@partner.example,contractors; release-approvers,,zoe-p,\r\n"+
		"nightly-job,,,alice,,arn:aws:sts::*:assumed-role/nightly/*\r\n"+
		",yan@partner.example,,,,\r\n"))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	want := []people.User{
		{Place: "line 2", Name: "zoe", Emails: []string{"zoe@partner.example", "z@partner.example"}, Groups: []string{"contractors", "release-approvers"}, Aliases: map[string][]string{"github": {"zoe-p"}}},
		{Place: "line 3", Name: "nightly-job", Owner: "alice", Aliases: map[string][]string{"aws": {"arn:aws:sts::*:assumed-role/nightly/*"}}},
		{Place: "line 4", Name: "yan@partner.example", Emails: []string{"yan@partner.example"}},
	}
	if got, want := show(x.Users), show(want); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestGitHubsIdentitiesAreFoundWhereverInTheAnswer(t *testing.T) {
	const node = `{"guid":"x","samlIdentity":{"nameId":"alice@acme.example","emails":[{"value":"a.adams@acme.example"}]},"scimIdentity":{"username":"alice@acme.example"},"user":{"login":"alice-acme"}}`
	for name, text := range map[string]string{
		"the answer":     `{"data":{"organization":{"samlIdentityProvider":{"ssoUrl":"https://x","externalIdentities":{"totalCount":1,"edges":[{"cursor":"c","node":` + node + `}],"pageInfo":{"hasNextPage":false}}}}}}`,
		"an enterprise":  `{"data":{"enterprise":{"ownerInfo":{"samlIdentityProvider":{"externalIdentities":{"nodes":[` + node + `]}}}}}}`,
		"the connection": `{"edges":[{"node":` + node + `}]}`,
		"the nodes":      `[` + node + `]`,
		"the edges":      `[{"node":` + node + `}]`,
		"two pages":      `{"edges":[],"pageInfo":{"hasNextPage":true}}` + "\n" + `{"edges":[{"node":` + node + `}],"pageInfo":{"hasNextPage":false}}`,
	} {
		x, faults := people.Read("github-saml", "g.json", []byte(text))
		want := []people.User{{Place: "record 1", Name: "alice@acme.example", Emails: []string{"alice@acme.example", "a.adams@acme.example"}, Aliases: map[string][]string{"github": {"alice-acme"}}}}
		if len(faults) > 0 || show(x.Users) != show(want) {
			t.Errorf("%s: %s%v", name, show(x.Users), faults)
		}
	}
}

func TestWhatIsWrongWithAnExportIsSaidWithItsRecord(t *testing.T) {
	for _, c := range []struct{ name, format, text, want string }{
		{"an unknown format", "ldif", "", `format "ldif" is none of csv, github-saml, scim`},
		{"SCIM that is no JSON", "scim", "[{\"userName\":\"a\"},\n{\"userName\":]", "x, line 2: it is no JSON: invalid character ']'"},
		{"SCIM that ends early", "scim", "[{\"userName\":\"a\"},\n{\"userName\":", "x, line 2: it is no JSON: unexpected EOF"},
		{"SCIM with nothing in it", "scim", " \n", "x: it is empty"},
		{"SCIM with a page missing", "scim", `{"totalResults":3,"Resources":[{"userName":"a"}]}`, "x: it holds 1 of 3 resources; export all pages"},
		{"a resource that is a text", "scim", `[{"userName":"a"},"b"]`, "x, record 2: a string stands where an object has to"},
		{"a resource with a wrong type", "scim", `[{"userName":7}]`, "x, record 1: userName cannot be a number"},
		{"a resource of neither kind", "scim", `[{"id":"7"}]`, "x, record 1: it is neither a User, which has a userName, nor a Group"},
		{"a device", "scim", `[{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Device"],"userName":"x"}]`, "x, record 1: it is neither"},
		{"a group without a name", "scim", `[{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"]}]`, "x, record 1: a group needs a displayName"},
		{"a table without a header", "csv", "", "x, line 1: it has no header: it is empty"},
		{"a header that names nobody", "csv", "github,aws\n", "x, line 1: it needs a column name or email; the header has github, aws"},
		{"a column that is almost ours", "csv", "name,e-mail\n", `x, line 1: there is no column "e-mail"; did you mean "email"?`},
		{"a column for a single group", "csv", "name,group\n", `did you mean "groups"?`},
		{"a column twice", "csv", "name,github,GitHub\n", `x, line 1: there are two columns "github"`},
		{"a column with spaces", "csv", "name,cost centre\n", `x, line 1: column 2: "cost centre" is neither name, email, groups, owner nor a product`},
		{"a line that is too short", "csv", "name,email\na,b@c\nd\n", "x, line 3: it has another number of fields than the header"},
		{"a quote that does not close", "csv", "name,email\n\"a,b\n", `x, line 2: extraneous or missing " in quoted-field`},
		{"a line of nobody", "csv", "name,email,github\n,,zoe\n", "x, line 2: it names nobody"},
		{"an empty line with commas", "csv", "name,email\n,\n", "x, line 2: all its fields are empty"},
		{"too many names", "csv", "name,github\na," + strings.Repeat("b;", 1001) + "\n", "x, line 2: it has 1001 names and groups; 1000 are allowed"},
		{"too long a name", "csv", "name,github\na," + strings.Repeat("b", 2001) + "\n", "x, line 2: a name has 2001 bytes; 2000 are allowed"},
		{"identities that are none", "github-saml", `{"data":{"organization":{"samlIdentityProvider":null}}}`, "x: there are no externalIdentities in it"},
		{"identities with a page missing", "github-saml", `{"nodes":[],"pageInfo":{"hasNextPage":true}}`, "x: pageInfo says that there are more pages"},
		{"an identity of the wrong type", "github-saml", `[{"user":"alice"}]`, "x, record 1: user cannot be a string"},
		{"an identity of nobody", "github-saml", `[{"user":{"login":"x"}}]`, "x, record 1: it names nobody"},
	} {
		_, faults := people.Read(c.format, "x", []byte(c.text))
		if !slices.ContainsFunc(faults, func(f people.Fault) bool { return strings.Contains(f.Error(), c.want) }) {
			t.Errorf("%s: want %q, got %v", c.name, c.want, faults)
		}
	}
}

func TestAnExportIsBounded(t *testing.T) {
	if _, faults := people.Read("csv", "x", make([]byte, people.MaxSize+1)); len(faults) != 1 || !strings.Contains(faults[0].Error(), "33554432 are allowed") {
		t.Errorf("too large: %v", faults)
	}
	x, faults := people.Read("csv", "x", []byte("name,email\n"+strings.Repeat("a,a@b.c\n", 200_001)))
	if len(x.Users) != 200_000 || len(faults) != 1 || faults[0].Error() != "x: it has more than 200000 records" {
		t.Errorf("too many records: %d, %v", len(x.Users), faults)
	}
	if _, faults := people.Read("csv", "x", []byte("name,email\n"+strings.Repeat("a\n", 1000))); len(faults) != 20 {
		t.Errorf("%d faults; nobody reads them all", len(faults))
	}
}

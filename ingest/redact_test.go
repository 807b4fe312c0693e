package ingest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"sidedoor/ingest"
)

// redactions are events with the secret hunter2 in them, and what stays.
var redactions = []struct{ name, product, raw, want string }{
	{
		"a Secret created", "kubernetes",
		`{"verb":"create", "objectRef":{"resource":"secrets","name":"db"},"requestObject":{"kind":"Secret","data":{"p":"hunter2"}}, "responseObject" : {"kind":"Secret","data":{"p":"hunter2"}} ,"n":1.50}`,
		`{"verb":"create", "objectRef":{"resource":"secrets","name":"db"},"requestObject":{"redacted":"[redacted]"}, "responseObject" : {"redacted":"[redacted]"} ,"n":1.50}`,
	},
	{
		"a JSON patch of a Secret", "kubernetes",
		`{"objectRef":{"resource":"secrets"},"requestObject":[{"op":"add","value":"hunter2"}]}`,
		`{"objectRef":{"resource":"secrets"},"requestObject":{"redacted":"[redacted]"}}`,
	},
	{
		"a subresource of a Secret", "kubernetes",
		`{"objectRef":{"resource":"secrets","subresource":"status"},"requestObject":"hunter2"}`,
		`{"objectRef":{"resource":"secrets","subresource":"status"},"requestObject":{"redacted":"[redacted]"}}`,
	},
	{
		"a token of a service account", "kubernetes",
		`{"objectRef":{"resource":"serviceaccounts","subresource":"token"},"responseObject":{"status":{"token":"hunter2"}}}`,
		`{"objectRef":{"resource":"serviceaccounts","subresource":"token"},"responseObject":{"redacted":"[redacted]"}}`,
	},
	{
		"a review of a token", "kubernetes",
		`{"objectRef":{"resource":"tokenreviews"},"requestObject":{"spec":{"token":"hunter2"}}}`,
		`{"objectRef":{"resource":"tokenreviews"},"requestObject":{"redacted":"[redacted]"}}`,
	},
	{
		"a Secret in a list, which the request does not name", "kubernetes",
		`{"requestObject":{"kind":"List","items":[{"kind":"ConfigMap"},{"kind":"Secret","data":{"p":"hunter2"}}]}}`,
		`{"requestObject":{"kind":"List","items":[{"kind":"ConfigMap"},{"redacted":"[redacted]"}]}}`,
	},
	{
		"a Secret that a resource of somebody else wraps", "kubernetes",
		`{"objectRef":{"resource":"objects","apiGroup":"kubernetes.crossplane.io"},"requestObject":{"kind":"Object","spec":{"forProvider":{"manifest":{"data":{"kind":"Secret","p":"hunter2"},"kind":"Secret"}}}}}`,
		`{"objectRef":{"resource":"objects","apiGroup":"kubernetes.crossplane.io"},"requestObject":{"kind":"Object","spec":{"forProvider":{"manifest":{"redacted":"[redacted]"}}}}}`,
	},
	{
		"a list of Secrets, whose items say no kind", "kubernetes",
		`{"responseObject":{"items":[{"data":{"p":"hunter2"}}],"kind":"SecretList"}}`,
		`{"responseObject":{"redacted":"[redacted]"}}`,
	},
	{
		"keys that stand twice", "kubernetes",
		`{"objectRef":{"resource":"secrets","resource":"pods"},"objectRef":{"resource":"pods"},"requestObject":"hunter2","requestObject":{"a":"hunter2"}}`,
		`{"objectRef":{"resource":"secrets","resource":"pods"},"objectRef":{"resource":"pods"},"requestObject":{"redacted":"[redacted]"},"requestObject":{"redacted":"[redacted]"}}`,
	},
	{
		"a token's keys that stand twice", "kubernetes",
		`{"objectRef":{"resource":"serviceaccounts","subresource":"token","subresource":"","resource":"x"},"requestObject":"hunter2"}`,
		`{"objectRef":{"resource":"serviceaccounts","subresource":"token","subresource":"","resource":"x"},"requestObject":{"redacted":"[redacted]"}}`,
	},
	{
		"keys and values that are escaped", "kubernetes",
		`{"object\u0052ef":{"\u0072esource":"secret\u0073"},"request\u004fbject":"hunter2"}`,
		`{"object\u0052ef":{"\u0072esource":"secret\u0073"},"request\u004fbject":{"redacted":"[redacted]"}}`,
	},
	{
		"a Secret before what it belongs to", "kubernetes",
		`{"requestObject":{"a":"hunter2"},"objectRef":{"resource":"secrets"}}`,
		`{"requestObject":{"redacted":"[redacted]"},"objectRef":{"resource":"secrets"}}`,
	},
	{
		"a role assumed", "aws",
		`{"responseElements":{"credentials":{"accessKeyId":"ASIA1","secretAccessKey":"hunter2","sessionToken":"hunter2","expiration":"x"}}}`,
		`{"responseElements":{"credentials":{"accessKeyId":"ASIA1","secretAccessKey":"[redacted]","sessionToken":"[redacted]","expiration":"x"}}}`,
	},
	{
		"passwords in any place", "aws",
		`{"requestParameters":{"masterUserPassword":"hunter2","users":[{"newPassword":"hunter2"}],"passwords":["hunter2"],"minimumPasswordLength":14,"secretString":{"a":"hunter2"},"secretBinary":"hunter2"}}`,
		`{"requestParameters":{"masterUserPassword":"[redacted]","users":[{"newPassword":"[redacted]"}],"passwords":"[redacted]","minimumPasswordLength":14,"secretString":{"a":"[redacted]"},"secretBinary":"[redacted]"}}`,
	},
	{
		"escaped names", "aws",
		`{"requestParameters":{"p\u0061ssword":"hunter2"}}`,
		`{"requestParameters":{"p\u0061ssword":"[redacted]"}}`,
	},
	{
		"a pipeline's variables", "gitlab",
		`{"object_attributes":{"variables":[{"key":"P","value":"hunter2"},{"value":{"a":"hunter2"}},{"value":null}]},"value":"x","project":{"runners_token":"hunter2"}}`,
		`{"object_attributes":{"variables":[{"key":"P","value":"[redacted]"},{"value":"[redacted]"},{"value":null}]},"value":"x","project":{"runners_token":"[redacted]"}}`,
	},
	{
		"a hook with its secret", "github",
		`{"hook":{"config":{"secret":"hunter2","url":"https://x"}},"token":"hunter2","installation":{"access_token":"hunter2"},"hashed_token":"abc="}`,
		`{"hook":{"config":{"secret":"[redacted]","url":"https://x"}},"token":"[redacted]","installation":{"access_token":"[redacted]"},"hashed_token":"abc="}`,
	},
	{
		"a repository with its password, and a chart's", "argocd",
		`{"spec":{"source":{"repoURL":"https://bot:hunter2@git.acme.example/shop","helm":{"valuesObject":{"dbPassword":"hunter2","port":1}}}}}`,
		`{"spec":{"source":{"repoURL":"https://redacted@git.acme.example/shop","helm":{"valuesObject":{"dbPassword":"[redacted]","port":1}}}}}`,
	},
	{
		"a parameter and a variable that are called like a secret", "argocd",
		`{"spec":{"source":{"helm":{"parameters":[{"name":"db.password","value":"hunter2"},{"name":"image.tag","value":"v1"}]},"plugin":{"env":[{"name":"API_KEY","value":"hunter2"}]}}}}`,
		`{"spec":{"source":{"helm":{"parameters":[{"name":"db.password","value":"[redacted]"},{"name":"image.tag","value":"v1"}]},"plugin":{"env":[{"name":"API_KEY","value":"[redacted]"}]}}}}`,
	},
	{
		"values and the object as it was applied, as texts", "argocd",
		`{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{\"spec\":{\"clientSecret\":\"hunter2\"}}"}},"spec":{"source":{"helm":{"values":"db:\n  password: hunter2\n"}}},"other":{"helm":{"values":"replicas: 2"}}}`,
		`{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"[redacted]"}},"spec":{"source":{"helm":{"values":"[redacted]"}}},"other":{"helm":{"values":"replicas: 2"}}}`,
	},
	{
		"local files with a secret", "argocd",
		`{"status":{"operationState":{"operation":{"sync":{"manifests":["{\"kind\":\"Secret\",\"data\":{\"p\":\"hunter2\"}}"]}}}}}`,
		`{"status":{"operationState":{"operation":{"sync":{"manifests":["[redacted]"]}}}}}`,
	},
	{
		"values of a release", "flux",
		`{"spec":{"values":{"auth":{"apiKey":"hunter2","tokens":3}},"url":"ssh://git@acme.example/shop"}}`,
		`{"spec":{"values":{"auth":{"apiKey":"[redacted]","tokens":3}},"url":"ssh://git@acme.example/shop"}}`,
	},
}

func TestSecretsAreRedactedAndNothingElse(t *testing.T) {
	for _, c := range redactions {
		t.Run(c.name, func(t *testing.T) {
			got := ingest.Redact(c.product, []byte(c.raw))
			if string(got) != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if again := ingest.Redact(c.product, got); string(again) != c.want {
				t.Errorf("again: %s", again)
			}
		})
	}
}

// A label, an annotation or a patch may say any kind; what the rest of the body says
// must not be hidden by that from the rules.
func TestNobodyHidesWhatIsWrittenByTheKindOfASecret(t *testing.T) {
	for name, c := range map[string]struct{ ref, body string }{
		"label of a pod":          {`{"resource":"pods","namespace":"shop"}`, `{"kind":"Pod","metadata":{"labels":{"kind":"Secret"}},"spec":{"hostPID":true}}`},
		"patch of a deployment":   {`{"resource":"deployments","apiGroup":"apps"}`, `{"kind":"Secret","spec":{"template":{"spec":{"hostPID":true}}}}`},
		"JSON patch":              {`{"resource":"clusterroles","apiGroup":"rbac.authorization.k8s.io"}`, `[{"op":"add","kind":"Secret","path":"/rules/0","value":{"hostPID":true}}]`},
		"label of an application": {`{"resource":"applications","apiGroup":"argoproj.io"}`, `{"metadata":{"labels":{"kind":"Secret"}},"spec":{"hostPID":true}}`},
	} {
		t.Run(name, func(t *testing.T) {
			raw := []byte(`{"verb":"patch","objectRef":` + c.ref + `,"requestObject":` + c.body + `}`)
			if got := ingest.Redact("kubernetes", raw); !bytes.Contains(got, []byte("hostPID")) {
				t.Errorf("it is hidden: %s", got)
			}
		})
	}
}

func TestAnEventWithoutSecretsIsReturnedAsItIs(t *testing.T) {
	for product, text := range map[string]string{
		"kubernetes": `{"objectRef":{"resource":"pods","subresource":"token"},"requestObject":{"kind":"Pod","spec":{"x":"Secret","token":"t"}}}`,
		"aws":        `{"userIdentity":{"password":"x"},"requestParameters":{"nextToken":"t","clientToken":"c","requirePassword":true}}`,
		"gitlab":     `{"value":"x","variables":[]}`,
		"github":     `{"repository":{"secret_scanning":"on"},"token":{"id":1}}`,
		"approvals":  `{"data":{"token":"t"}}`,
	} {
		raw := []byte(text)
		if got := ingest.Redact(product, raw); &got[0] != &raw[0] {
			t.Errorf("%s: %s", product, got)
		}
	}
}

// FuzzNoBodyOfASecretSurvives looks for secrets with another reader of JSON.
func FuzzNoBodyOfASecretSurvives(f *testing.F) {
	for _, c := range redactions {
		f.Add(c.raw)
	}
	f.Fuzz(func(t *testing.T, text string) {
		raw := []byte(text)
		var before any
		if json.Unmarshal(raw, &before) != nil {
			for _, product := range []string{"kubernetes", "aws", "github", "gitlab", "argocd", "flux"} {
				ingest.Redact(product, raw) // must end
			}
			return
		}
		for _, product := range []string{"kubernetes", "aws", "github", "gitlab", "argocd", "flux"} {
			out := ingest.Redact(product, raw)
			var after any
			if err := json.Unmarshal(out, &after); err != nil {
				t.Fatalf("%s: %s is no longer valid: %v", product, out, err)
			}
			top, _ := after.(map[string]any)
			if _, named := top["objectRef"]; product != "kubernetes" || named {
				continue // what it is of says what it may hold
			}
			for _, key := range []string{"requestObject", "responseObject"} {
				if hasKind(top[key], "Secret") {
					t.Errorf("%s: %s keeps a Secret", out, key)
				}
			}
		}
	})
}

func hasKind(v any, kind string) bool {
	switch v := v.(type) {
	case map[string]any:
		for key, member := range v {
			if key == "kind" && member == kind || hasKind(member, kind) {
				return true
			}
		}
	case []any:
		for _, member := range v {
			if hasKind(member, kind) {
				return true
			}
		}
	}
	return false
}

// What tells quickly that there is no secret must not overlook one, in whatever case
// it is written.
func FuzzEveryNameOfASecretIsSeen(f *testing.F) {
	secrets := []string{
		"password", "secretaccesskey", "sessiontoken", "securitytoken", "security-token", "secretstring", "secretbinary",
		"authtoken", "accesstoken", "refreshtoken", "idtoken", "clientsecret", "privatekey", "keymaterial",
	}
	for _, name := range secrets {
		f.Add(name)
		f.Add(strings.ToUpper(name))
		f.Add("x" + strings.ToUpper(name[:4]) + name[4:] + "y")
	}
	f.Fuzz(func(t *testing.T, name string) {
		isSecret := func(s string) bool { return strings.Contains(strings.ToLower(name), s) }
		key, err := json.Marshal(name)
		if err != nil || !utf8.ValidString(name) || !slices.ContainsFunc(secrets, isSecret) {
			return
		}
		raw := fmt.Appendf(nil, `{"requestParameters":{%s:"hunter2"}}`, key)
		if out := ingest.Redact("aws", raw); bytes.Contains(out, []byte("hunter2")) {
			t.Errorf("%s is kept", out)
		}
	})
}

func TestASecretDeepDownIsFound(t *testing.T) {
	raw := []byte(`{"requestObject":` + strings.Repeat(`{"a":[`, 4000) + `{"kind":"Secret","data":"hunter2"}` + strings.Repeat("]}", 4000) + `}`)
	if got := ingest.Redact("kubernetes", raw); bytes.Contains(got, []byte("hunter2")) {
		t.Error("it is kept")
	}
}

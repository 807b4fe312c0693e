package ingest

import (
	"bytes"
	"strings"

	"sidedoor/ingest/jsonscan"
)

// Redact takes secrets out of an event of a product. Only the secret values
// are replaced, every other byte stays; an event without any is returned as it
// is. The event has to be valid JSON.
func Redact(product string, raw []byte) []byte {
	var out []byte
	switch product {
	case "kubernetes":
		out = redactKubernetes(raw)
	case "aws":
		if !mayNameSecretAWS(raw) {
			return raw
		}
		out, _ = jsonscan.Replace(raw, redactAWS)
	case "github":
		out, _ = jsonscan.Replace(raw, redactGitHub)
	case "gitlab":
		out, _ = jsonscan.Replace(raw, redactGitLab)
	case "argocd", "flux":
		out = redactGitOps(raw)
	default:
		return raw
	}
	return out
}

// redacted replaces a secret.
const redacted = `"[redacted]"`

// redactedObject replaces a body that is or may hold a secret.
const redactedObject = `{"redacted":"[redacted]"}`

// secretKinds are the objects of Kubernetes whose bodies hold secrets.
var secretKinds = map[string]bool{
	"Secret": true, "SecretList": true, "TokenRequest": true, "TokenReview": true,
}

// bodyKubernetes ends the keys of bodies, and secretsKubernetes begin the texts one
// of which an event has that holds a secret: those of secretKinds, and those of
// secretRef.
var (
	bodyKubernetes    = []byte(`Object"`)
	secretsKubernetes = [][]byte{[]byte(`"Secret`), []byte(`"TokenRe`), []byte(`"secrets"`), []byte(`"tokenreviews"`), []byte(`"token"`)}
)

func spellsAny(raw []byte, texts [][]byte) bool {
	for _, text := range texts {
		if bytes.Contains(raw, text) {
			return true
		}
	}
	return false
}

// escapesLetter says whether a letter is written by its number: no sender needs
// to, but for < and > and &, which are none.
func escapesLetter(raw []byte) bool {
	for {
		at := bytes.Index(raw, []byte(`\u00`))
		if at < 0 || at+5 > len(raw) {
			return false
		}
		if c := raw[min(at+4, len(raw)-1)]; c >= '4' && c <= '7' {
			return true
		}
		raw = raw[at+4:]
	}
}

// redactKubernetes drops the bodies of requests for secrets and tokens, whole:
// a patch or an annotation may hold the secret anywhere. Where the request does not
// say what its body may hold, objects go whose kind gives them away.
func redactKubernetes(raw []byte) []byte {
	// Nearly all have no body, or none that could hold a secret; to see that costs
	// a tenth of looking for one.
	if escaped := escapesLetter(raw); !escaped && (!bytes.Contains(raw, bodyKubernetes) || !spellsAny(raw, secretsKubernetes)) {
		return raw
	}
	secret, builtIn := false, false
	jsonscan.Members(raw, func(key string, value []byte) bool {
		if key == "objectRef" {
			secret = secret || secretRef(value)
			builtIn = builtInRef(value)
		}
		return true
	})
	return jsonscan.ReplaceMembers(raw, func(key string, value []byte) []byte {
		switch {
		case key != "requestObject" && key != "responseObject":
			return nil
		case secret:
			return []byte(redactedObject)
		case builtIn:
			return nil
		}
		return withoutSecrets(value)
	})
}

// builtInRef says whether a request is about an object of Kubernetes itself. What
// that may hold is known by its resource: whoever writes it can put a kind of his
// own into any corner of it, a label or a patch, and must not be able to hide the
// rest by that.
func builtInRef(ref []byte) bool {
	if jsonscan.GetText(ref, "resource") == "" {
		return false
	}
	switch group := jsonscan.GetText(ref, "apiGroup"); group {
	case "", "apps", "batch", "autoscaling", "policy", "extensions":
		return true
	default:
		return strings.HasSuffix(group, ".k8s.io")
	}
}

// withoutSecrets takes the objects of a secret kind out of a body of which nobody
// knows what it may hold: the body itself, one in a list, or one that a resource
// of somebody else wraps. What they lie in stays.
// Without any it returns nil.
func withoutSecrets(body []byte) []byte {
	out, changed := jsonscan.ReplaceObjects(body, []byte(redactedObject), func(key string, value []byte) bool {
		return key == "kind" && secretKinds[jsonscan.Text(value)]
	})
	if !changed {
		return nil
	}
	return out
}

// secretRef looks at every occurrence of a key: one that stands twice must not
// hide the other.
func secretRef(ref []byte) bool {
	found, account, token := false, false, false
	jsonscan.Members(ref, func(key string, value []byte) bool {
		switch text := jsonscan.Text(value); key {
		case "resource":
			found = found || text == "secrets" || text == "tokenreviews"
			account = account || text == "serviceaccounts"
		case "subresource":
			token = token || text == "token"
		}
		return true
	})
	return found || (account && token)
}

// secretsAWS are parts of the names of what CloudTrail records of a call and
// must not, in lower case.
var secretsAWS = []string{
	"password", "secretaccesskey", "sessiontoken", "securitytoken", "security-token", "secretstring", "secretbinary",
	"authtoken", "accesstoken", "refreshtoken", "idtoken", "clientsecret", "privatekey", "keymaterial",
}

// mayNameSecretAWS says whether one of secretsAWS may stand in raw, in whatever
// case, by three or four letters of each: that is quick to see, and nearly always no.
func mayNameSecretAWS(raw []byte) bool {
	for i := 1; i+3 < len(raw); i++ {
		if !telling[raw[i]] {
			continue
		}
		before, after := raw[i-1]|0x20, raw[i+1]|0x20
		switch raw[i] | 0x20 {
		case 'w': // passWord
			if before == 's' && after == 'o' {
				return true
			}
		case 'c': // seCret
			if before == 'e' && after == 'r' {
				return true
			}
		case 'k': // toKen, privateKey, Keymaterial
			if after == 'e' && (before == 'o' || before == 'e' || raw[i+2]|0x20 == 'y' && raw[i+3]|0x20 == 'm') {
				return true
			}
		}
	}
	return escapesLetter(raw)
}

// telling are the letters that mayNameSecretAWS looks around.
var telling = [256]bool{'w': true, 'W': true, 'c': true, 'C': true, 'k': true, 'K': true}

// redactAWS replaces credentials in what CloudTrail records of a call. AWS
// hides most of them itself. Numbers and booleans, such as those of a password
// policy, stay.
func redactAWS(path []string, value []byte) []byte {
	switch path[0] {
	case "requestParameters", "responseElements", "additionalEventData", "serviceEventDetails":
	default:
		return nil
	}
	if len(value) == 0 || (value[0] != '"' && value[0] != '[') {
		return nil
	}
	for _, name := range path[1:] {
		if containsAny(strings.ToLower(name), secretsAWS) {
			return []byte(redacted)
		}
	}
	return nil
}

// redactGitHub replaces the tokens and hook secrets that a webhook may carry.
// A hashed token, by which the audit log tells tokens apart, stays.
func redactGitHub(path []string, value []byte) []byte {
	if len(value) == 0 || value[0] != '"' {
		return nil
	}
	switch name := path[len(path)-1]; {
	case name == "hashed_token":
		return nil
	case name == "token", name == "secret", name == "pem", strings.HasSuffix(name, "_token"), strings.HasSuffix(name, "_secret"):
		return []byte(redacted)
	}
	return nil
}

// redactGitLab replaces what redactGitHub does, and the values of a pipeline's
// variables, which people fill with credentials.
func redactGitLab(path []string, value []byte) []byte {
	if last := len(path) - 1; last > 0 && path[last] == "value" && path[last-1] == "variables" && len(value) > 0 && value[0] != 'n' {
		return []byte(redacted)
	}
	return redactGitHub(path, value)
}

func containsAny(s string, parts []string) bool {
	for _, p := range parts {
		if strings.Contains(s, p) {
			return true
		}
	}
	return false
}

// mentionsSecret says whether bytes that cannot be read may hold a secret. An
// escaped letter could spell one, and no sender needs to escape a letter.
func mentionsSecret(product string, raw []byte) bool {
	text := strings.ToLower(string(raw))
	if strings.Contains(text, `\u004`) || strings.Contains(text, `\u005`) || strings.Contains(text, `\u006`) || strings.Contains(text, `\u007`) {
		return true
	}
	switch product {
	case "kubernetes":
		return containsAny(text, []string{"secret", "token"})
	case "aws":
		return containsAny(text, secretsAWS)
	case "github":
		return containsAny(text, []string{`secret"`, `token"`, `pem"`})
	case "gitlab":
		return containsAny(text, []string{`secret"`, `token"`, `pem"`, `variables"`})
	case "argocd", "flux":
		return strings.Contains(text, "secret") || holdsSecret(text) || userInfo.MatchString(text)
	}
	return false
}

package ingest

import (
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
		out, _ = jsonscan.Replace(raw, redactAWS)
	case "github":
		out, _ = jsonscan.Replace(raw, redactGitHub)
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

// redactKubernetes drops the bodies of requests for secrets and tokens, whole:
// a patch or an annotation may hold the secret anywhere. A body whose kind
// gives it away counts whatever the request says.
func redactKubernetes(raw []byte) []byte {
	secret := false
	jsonscan.Members(raw, func(key string, value []byte) bool {
		if key == "objectRef" {
			secret = secret || secretRef(value)
		}
		return true
	})
	out, _ := jsonscan.Replace(raw, func(path []string, value []byte) []byte {
		body := path[0] == "requestObject" || path[0] == "responseObject"
		if body && len(path) == 1 && (secret || holdsSecret(value)) {
			return []byte(redactedObject)
		}
		return nil
	})
	return out
}

func secretRef(ref []byte) bool {
	found := false
	resource, sub := "", ""
	jsonscan.Members(ref, func(key string, value []byte) bool {
		switch key {
		case "resource":
			resource = jsonscan.Text(value)
			found = found || resource == "secrets" || resource == "tokenreviews"
		case "subresource":
			sub = jsonscan.Text(value)
		}
		return true
	})
	return found || (resource == "serviceaccounts" && sub == "token")
}

// holdsSecret looks for a secret kind anywhere in a body, such as in a list.
func holdsSecret(body []byte) bool {
	found := false
	jsonscan.Replace(body, func(path []string, value []byte) []byte {
		if path[len(path)-1] == "kind" && secretKinds[jsonscan.Text(value)] {
			found = true
		}
		return nil
	})
	return found
}

// redactAWS replaces credentials in what CloudTrail records of a call. AWS
// hides most of them itself.
func redactAWS(path []string, value []byte) []byte {
	if path[0] != "requestParameters" && path[0] != "responseElements" && path[0] != "additionalEventData" && path[0] != "detail" {
		return nil
	}
	if len(value) == 0 || value[0] != '"' {
		return nil
	}
	key := strings.ToLower(path[len(path)-1])
	for _, secret := range []string{"password", "secretaccesskey", "sessiontoken", "secretstring", "secretbinary", "authtoken", "privatekey"} {
		if strings.Contains(key, secret) {
			return []byte(redacted)
		}
	}
	return nil
}

// redactGitHub replaces the tokens and hook secrets that a webhook may carry.
func redactGitHub(path []string, value []byte) []byte {
	if len(value) == 0 || value[0] != '"' {
		return nil
	}
	switch path[len(path)-1] {
	case "secret", "token", "access_token", "client_secret", "webhook_secret", "pem":
		return []byte(redacted)
	}
	return nil
}

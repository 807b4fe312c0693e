package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// minKey is the least length of a key in bytes, by Standard Webhooks.
const minKey = 24

// signingKey reads a secret: "whsec_" and base64, or else its own bytes.
func signingKey(secret string) ([]byte, error) {
	key := []byte(secret)
	if encoded, ok := strings.CutPrefix(secret, "whsec_"); ok {
		var err error
		if key, err = base64.StdEncoding.DecodeString(encoded); err != nil {
			return nil, fmt.Errorf("what follows whsec_ is not base64") // the cause quotes the secret
		}
	}
	if len(key) < minKey {
		return nil, fmt.Errorf("the secret has %d bytes and needs %d; make one with: openssl rand -base64 32", len(key), minKey)
	}
	return key, nil
}

// sign sets the headers of Standard Webhooks.
func sign(h http.Header, key []byte, id string, at time.Time, body []byte) {
	timestamp := strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	// These names are lower-case in the specification; HTTP does not mind.
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", timestamp)
	h.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

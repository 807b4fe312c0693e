package ingest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
)

// Signature is how a sender signs bodies: with an HMAC-SHA256 in hexadecimal,
// behind a prefix, in a header. A header with several, separated by commas, is
// right if one of them is: so is a secret replaced without a gap.
type Signature struct {
	Header string // X-Hub-Signature-256
	Prefix string // sha256=
}

// Present wants the header to be there.
func (s Signature) Present(r *http.Request) error {
	if !strings.Contains(r.Header.Get(s.Header), s.Prefix) {
		return fmt.Errorf("the header %s with %s… is missing; set a secret where the delivery comes from", s.Header, s.Prefix)
	}
	return nil
}

// Of returns what wants the header to be the signature of the body with a secret.
func (s Signature) Of(secret string) func(http.Header, []byte) error {
	return func(h http.Header, body []byte) error {
		m := hmac.New(sha256.New, []byte(secret))
		m.Write(body)
		want := m.Sum(nil)
		right := false
		for one := range strings.SplitSeq(h.Get(s.Header), ",") {
			text, ok := strings.CutPrefix(strings.TrimSpace(one), s.Prefix)
			sum, err := hex.DecodeString(text)
			right = (ok && err == nil && hmac.Equal(sum, want)) || right
		}
		if !right {
			return fmt.Errorf("the signature in %s is wrong; is the secret the one in the source's file?", s.Header)
		}
		return nil
	}
}

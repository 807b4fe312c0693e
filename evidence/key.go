package evidence

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
)

// algEd25519 is the type byte of an Ed25519 key in a note key (signed-note).
const algEd25519 = 1

// publicKey derives the Ed25519 public key from the last part of a signer's
// text.
func publicKey(encoded string) (ed25519.PublicKey, error) {
	b, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(b) != 1+ed25519.SeedSize || b[0] != algEd25519 {
		return nil, errors.New("the ledger's key is no Ed25519 note signer")
	}
	return ed25519.NewKeyFromSeed(b[1:]).Public().(ed25519.PublicKey), nil
}

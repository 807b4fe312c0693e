package api

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"time"

	"sidedoor/ingest"
)

// Token returns the credential that a file holds. It is read again for each
// request, so that one which is short-lived can be replaced.
func Token(path string) (Credential, error) {
	read := func() (string, error) { return ingest.ReadSecret(path) }
	_, err := read()
	return read, err
}

// App returns the credential of a GitHub App: a token that its private key signs,
// a new one for each request. id is the App's or that of its client.
func App(id, keyFile string, now func() time.Time) (Credential, error) {
	raw, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	key, err := parseKey(raw)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", keyFile, err)
	}
	return func() (string, error) { return signJWT(id, key, now()) }, nil
}

// parseKey reads a key as GitHub gives it (PKCS #1), or as OpenSSL writes it.
func parseKey(raw []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(raw)
	if block == nil {
		return nil, fmt.Errorf("it is no PEM file; GitHub offers the key for download where the App's settings are")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("it holds no private key: %w", err)
	}
	key, ok := any.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("it is a %T; GitHub's keys are RSA", any)
	}
	return key, nil
}

// Bounds of a token's life. GitHub takes at most ten minutes, and advises to begin
// in the past, for clocks that differ.
const (
	backdated = time.Minute
	lives     = 9 * time.Minute
)

// signJWT makes a token (RFC 7519) signed with RS256.
func signJWT(id string, key *rsa.PrivateKey, now time.Time) (string, error) {
	claims, err := json.Marshal(struct {
		Issued  int64  `json:"iat"`
		Expires int64  `json:"exp"`
		Issuer  string `json:"iss"`
	}{now.Add(-backdated).Unix(), now.Add(lives - backdated).Unix(), id})
	if err != nil {
		return "", fmt.Errorf("token of app %s: %w", id, err)
	}
	b64 := base64.RawURLEncoding
	text := b64.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + b64.EncodeToString(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("token of app %s: %w", id, err)
	}
	return text + "." + b64.EncodeToString(signature), nil
}

package ingest

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// minSecret is the least length of a shared secret, in characters.
const minSecret = 16

// ReadSecret reads a token or shared secret from a file, without the line
// break at its end.
func ReadSecret(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("secret: %w", err)
	}
	s := strings.TrimSpace(string(b))
	if len(s) < minSecret {
		return "", fmt.Errorf("secret %s: %d characters are too few, use at least %d, such as from: openssl rand -hex 32", path, len(s), minSecret)
	}
	return s, nil
}

// ReadSecrets reads a shared secret, or two of them on a line each while one
// takes the other's place: the receiver takes both, so that the sender can be
// changed without losing a delivery.
func ReadSecrets(path string) ([]string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	var secrets []string
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); line != "" {
			secrets = append(secrets, line)
		}
	}
	if len(secrets) == 0 || len(secrets) > 2 {
		return nil, fmt.Errorf("secret %s: it holds %d secrets; write one, or the new and the old on a line each", path, len(secrets))
	}
	for i, s := range secrets {
		if len(s) < minSecret {
			return nil, fmt.Errorf("secret %s: line %d: %d characters are too few, use at least %d, such as from: openssl rand -hex 32", path, i+1, len(s), minSecret)
		}
	}
	return secrets, nil
}

// ValidateSecret says whether a secret's file is named.
func ValidateSecret(key, path string) error {
	if path == "" {
		return fmt.Errorf("%s is missing: name the file that holds the secret", key)
	}
	return nil
}

// ValidatePath says whether a path can be served.
func ValidatePath(path string) error {
	switch {
	case path == "" || path[0] != '/':
		return fmt.Errorf("path: %q does not begin with /", path)
	case path == "/healthz" || path == "/readyz" || path == "/metrics":
		return fmt.Errorf("path: %s is taken by the program itself", path)
	case strings.ContainsAny(path, " {}?#"):
		return errors.New("path: only plain characters, please")
	}
	return nil
}

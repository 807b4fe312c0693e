package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// sealFile holds the signed note over an exported folder's manifest.
const sealFile = "manifest.sig"

// sealLine begins the note's text, so that no signature over a manifest can
// pass for one over a checkpoint.
const sealLine = "sidedoor-export-v1"

// SealExport signs the manifest of an exported folder with the ledger's key.
func SealExport(dir, signerKey string) error {
	signer, err := note.NewSigner(signerKey)
	if err != nil {
		return fmt.Errorf("the ledger's key: %w", err)
	}
	b, err := os.ReadFile(filepath.Join(dir, manifestFile))
	if err != nil {
		return err
	}
	signed, err := note.Sign(&note.Note{Text: sealText(b)}, signer)
	if err != nil {
		return err
	}
	return write(dir, sealFile, signed)
}

func sealText(manifest []byte) string {
	sum := sha256.Sum256(manifest)
	return sealLine + "\n" + hex.EncodeToString(sum[:]) + "\n"
}

// openManifest reads the manifest under its signature.
func openManifest(dir string, v note.Verifier) (Manifest, error) {
	var m Manifest
	b, err := readFile(dir, manifestFile, maxDocument)
	if err != nil {
		return m, err
	}
	sig, err := readFile(dir, sealFile, maxNote)
	if err != nil {
		return m, err
	}
	n, err := note.Open(sig, note.VerifierList(v))
	if err != nil {
		return m, fmt.Errorf("%s: %w", sealFile, err)
	}
	if err := canonical(n, sig); err != nil {
		return m, fmt.Errorf("%s: %w", sealFile, err)
	}
	if n.Text != sealText(b) {
		return m, fmt.Errorf("%s was changed: its digest is not the one that was signed", manifestFile)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("%s: %w", manifestFile, err)
	}
	for path := range m.Files {
		if !filepath.IsLocal(filepath.FromSlash(path)) || strings.Contains(path, "\\") {
			return m, fmt.Errorf("%s: %q leads out of the folder", manifestFile, path)
		}
	}
	return m, nil
}

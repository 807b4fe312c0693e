package evidence

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is the ledger's signed head.
//
//	sidedoor/acme
//	1042
//	qfXM…=
//	time 2026-11-20T17:00:00Z
//
//	— sidedoor/acme 4gRr…
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   tlog.Hash
	Time   time.Time // our clock, when it was signed
	Note   []byte    // the signed note
}

// NewKey makes a key pair for a ledger of the given origin: a note signer,
// which is secret, and a note verifier.
func NewKey(origin string) (signer, verifier string, err error) {
	return note.GenerateKey(rand.Reader, origin)
}

// timeLine begins the extension line that says when a checkpoint was signed.
const timeLine = "time "

func (c Checkpoint) text() string {
	body := tlog.FormatTree(tlog.Tree{N: int64(c.Size), Hash: c.Root})
	lines := strings.SplitN(string(body), "\n", 2)
	return c.Origin + "\n" + lines[1] + timeLine + c.Time.UTC().Format(time.RFC3339) + "\n"
}

func sign(c Checkpoint, signer note.Signer) (Checkpoint, error) {
	signed, err := note.Sign(&note.Note{Text: c.text()}, signer)
	c.Note = signed
	return c, err
}

// openCheckpoint checks a checkpoint's signature and reads it. Only the exact
// bytes that the signer wrote are accepted: a line that nobody signed is a
// change, too.
func openCheckpoint(b []byte, v note.Verifier) (Checkpoint, error) {
	n, err := note.Open(b, note.VerifierList(v))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("the signature of %s does not fit: %w", v.Name(), err)
	}
	if err := canonical(n, b); err != nil {
		return Checkpoint{}, err
	}
	c, err := parseCheckpoint(n.Text)
	if err != nil {
		return c, err
	}
	if c.Origin != v.Name() {
		return c, fmt.Errorf("the origin %q is not the key's name %q", c.Origin, v.Name())
	}
	c.Note = b
	return c, nil
}

// ReadCheckpoint reads the checkpoint of a ledger's folder under the folder's
// own key.
func ReadCheckpoint(dir string) (Checkpoint, error) {
	v, err := verifierFor(dir, VerifyOptions{}, &Report{})
	if err != nil {
		return Checkpoint{}, err
	}
	b, err := readFile(dir, checkpointFile, maxNote)
	if err != nil {
		return Checkpoint{}, err
	}
	return openCheckpoint(b, v)
}

// canonical says whether signed is, byte for byte, what the one signer wrote:
// base64 has spare bits, and a line that nobody signed is a change, too.
func canonical(n *note.Note, signed []byte) error {
	if len(n.UnverifiedSigs) > 0 || len(n.Sigs) != 1 {
		return errors.New("there is a signature by an unknown key")
	}
	sig, err := base64.StdEncoding.DecodeString(n.Sigs[0].Base64)
	if err != nil {
		return err
	}
	want := fmt.Sprintf("%s\n— %s %s\n", n.Text, n.Sigs[0].Name, base64.StdEncoding.EncodeToString(sig))
	if want != string(signed) {
		return errors.New("there are bytes that nobody signed")
	}
	return nil
}

func parseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 5 || lines[4] != "" || !strings.HasPrefix(lines[3], timeLine) {
		return Checkpoint{}, errors.New("want origin, size, root and time")
	}
	tree, err := tlog.ParseTree([]byte("go.sum database tree\n" + lines[1] + "\n" + lines[2] + "\n"))
	if err != nil {
		return Checkpoint{}, err
	}
	at, err := time.Parse(time.RFC3339, strings.TrimPrefix(lines[3], timeLine))
	if err != nil {
		return Checkpoint{}, err
	}
	c := Checkpoint{Origin: lines[0], Size: uint64(tree.N), Root: tree.Hash, Time: at}
	if c.text() != text {
		return c, errors.New("it is not written in its one canonical form")
	}
	return c, nil
}

// verifierOf derives the public key of a signer's.
func verifierOf(signerKey string, s note.Signer) (string, error) {
	// A signer's text is PRIVATE+KEY+name+hash+base64(algorithm, seed).
	parts := strings.SplitN(strings.TrimPrefix(signerKey, "PRIVATE+KEY+"), "+", 3)
	if len(parts) != 3 {
		return "", errors.New("the ledger's key is no note signer")
	}
	public, err := publicKey(parts[2])
	if err != nil {
		return "", err
	}
	return note.NewEd25519VerifierKey(s.Name(), public)
}

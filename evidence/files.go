package evidence

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"
)

// A folder to verify comes from somebody else. What is read of it is bounded,
// so that a file made huge cannot fill the verifier's memory.
const (
	maxNote     = 1 << 20                // of a signed note, as package note has it
	maxTile     = width * hashSize       // of a tile
	maxBundle   = width * (2 + maxEntry) // of an entry bundle
	maxProof    = 64 << 10               // of a proof's JSON
	maxDocument = 1 << 30                // of any other file of an export
)

// readFile reads a file of a folder, by its path in slashes. Only a regular
// file counts: a pipe would hang the verifier, and what a link shows today can
// be another file tomorrow.
func readFile(dir, name string, limit int64) ([]byte, error) {
	path := filepath.Join(dir, filepath.FromSlash(name))
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, missingFile(name)
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is no regular file", name)
	case info.Size() > limit:
		return nil, fmt.Errorf("%s has %d bytes, more than the %d that it may have", name, info.Size(), limit)
	}
	return os.ReadFile(path)
}

// missingFile says that a file is not there; it is [fs.ErrNotExist].
type missingFile string

func (m missingFile) Error() string        { return string(m) + " is missing" }
func (m missingFile) Is(target error) bool { return target == fs.ErrNotExist }

// walk calls f for all files of a folder, by their paths in slashes. The
// folder itself may be a link to one.
func walk(dir string, f func(path string, d fs.DirEntry) error) error {
	return fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path != "." {
			return nil // a ledger that grows removes folders
		}
		if err != nil || d.IsDir() {
			return err
		}
		return f(path, d)
	})
}

// plainError is an error whose text quotes names and records of a folder that
// somebody else made: what would move a terminal's cursor or turn its writing
// around is left out of it.
type plainError struct{ error }

func plain(err error) error {
	if err == nil {
		return nil
	}
	return plainError{err}
}

func (e plainError) Error() string {
	return strings.Map(func(r rune) rune {
		if unicode.IsGraphic(r) {
			return r
		}
		return unicode.ReplacementChar
	}, e.error.Error())
}

func (e plainError) Unwrap() error { return e.error }

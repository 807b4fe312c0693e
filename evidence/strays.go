package evidence

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// maxStrays bounds the files beyond a checkpoint that a seal may be writing.
const maxStrays = 1 << 16

// filesOf are the files of a ledger of this size.
func filesOf(size int64) map[string]bool {
	files := map[string]bool{checkpointFile: true, keyFile: true}
	_ = tilesOf(size, func(t tileAt) error { files[t.path()] = true; return nil }) // never fails, as f does not
	return files
}

// sameFiles checks that the folder holds the files of a ledger of this size,
// and returns those that are not of it.
func sameFiles(dir string, size int64) (strays []string, err error) {
	err = tilesOf(size, func(t tileAt) error {
		if _, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(t.path()))); err != nil {
			return missingFile(t.path())
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	want := filesOf(size)
	err = walk(dir, func(path string, _ fs.DirEntry) error {
		if want[path] {
			return nil
		}
		if strays = append(strays, path); len(strays) > maxStrays {
			return stray(path, size)
		}
		return nil
	})
	return strays, err
}

func stray(path string, size int64) error {
	return fmt.Errorf("%s does not belong to a ledger of %d records", path, size)
}

// settled checks that files which are not of the ledger were those of a seal
// in the making: they are gone soon, or a later checkpoint covers them.
func settled(dir string, v note.Verifier, strays []string) error {
	var size int64
	for try := 0; len(strays) > 0 && try < maxGrowths; try++ {
		if try > 0 {
			time.Sleep(growth)
		}
		b, err := readFile(dir, checkpointFile, maxNote)
		if err != nil {
			return err
		}
		c, err := openCheckpoint(b, v)
		if err != nil {
			return fmt.Errorf("%s: %w", checkpointFile, err)
		}
		size = int64(c.Size)
		now := filesOf(size)
		strays = slices.DeleteFunc(strays, func(path string) bool {
			_, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(path)))
			return now[path] || errors.Is(err, fs.ErrNotExist)
		})
	}
	if len(strays) > 0 {
		return stray(strays[0], size)
	}
	return nil
}

package evidence

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	height = 8           // of a tile
	width  = 1 << height // entries of a full tile

	hashSize = sha256.Size // bytes

	checkpointFile = "checkpoint"
	keyFile        = "key.pub"

	// maxEntry is what fits behind a bundle's 16-bit length.
	maxEntry = 1<<16 - 1
)

// tilePath is a tile's path in the folder: tile/0/x001/234 and, for a partial
// one, tile/0/x001/234.p/17. level -1 is the entries'.
func tilePath(level int, n int64, w int) string {
	l := "entries"
	if level >= 0 {
		l = fmt.Sprint(level)
	}
	path := fmt.Sprintf("tile/%s/%s", l, indexPath(n))
	if w < width {
		path += fmt.Sprintf(".p/%d", w)
	}
	return path
}

// indexPath writes 1234067 as x001/x234/067.
func indexPath(n int64) string {
	path := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	return path
}

// tileAt names a tile of a tree of a given size.
type tileAt struct {
	level int
	n     int64
	w     int // entries that it holds
}

func (t tileAt) path() string { return tilePath(t.level, t.n, t.w) }

// limit is the size in bytes that the tile's file may have.
func (t tileAt) limit() int64 {
	if t.level < 0 {
		return maxBundle
	}
	return maxTile
}

// tilesOf calls f for each tile of a tree with size records, the entries'
// included, level by level.
func tilesOf(size int64, f func(tileAt) error) error {
	for level := -1; ; level++ {
		count := size
		for range max(level, 0) {
			count >>= height
		}
		if count == 0 {
			return nil
		}
		for n := int64(0); n*width < count; n++ {
			if err := f(tileAt{level: level, n: n, w: int(min(count-n*width, width))}); err != nil {
				return err
			}
		}
	}
}

// appendEntry adds a record to a bundle.
func appendEntry(bundle, record []byte) []byte {
	return append(binary.BigEndian.AppendUint16(bundle, uint16(len(record))), record...)
}

// errBundle says that a bundle's bytes are no list of records.
var errBundle = errors.New("a record's length reaches beyond the bundle's end")

// parseBundle returns the records of a bundle.
func parseBundle(b []byte) ([][]byte, error) {
	var records [][]byte
	for len(b) > 0 {
		if len(b) < 2 {
			return records, errBundle
		}
		n := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; n > len(b) {
			return records, errBundle
		}
		records = append(records, b[:n:n])
		b = b[n:]
	}
	return records, nil
}

// node is the hash of two subtrees.
func node(left, right tlog.Hash) tlog.Hash { return tlog.NodeHash(left, right) }

// fullRoot is the root of a full tile's hashes.
func fullRoot(hashes []tlog.Hash) tlog.Hash {
	level := append([]tlog.Hash(nil), hashes...)
	for len(level) > 1 {
		for i := range len(level) / 2 {
			level[i] = node(level[2*i], level[2*i+1])
		}
		level = level[:len(level)/2]
	}
	return level[0]
}

func parseHashes(b []byte, want int) ([]tlog.Hash, error) {
	if len(b) != want*hashSize {
		return nil, fmt.Errorf("it has %d bytes, want %d", len(b), want*hashSize)
	}
	hashes := make([]tlog.Hash, want)
	for i := range hashes {
		copy(hashes[i][:], b[i*hashSize:])
	}
	return hashes, nil
}

// write replaces a file at once and durably: what a crash leaves is the old
// file or the new one.
func write(dir, name string, content []byte) error {
	path := filepath.Join(dir, filepath.FromSlash(name))
	if err := makeDirs(dir, filepath.Dir(path)); err != nil {
		return err
	}
	tmp := path + temporary
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644) //nolint:gosec // evidence is to be read
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(tmp) // on a full disk it is in the way; left, it is removed after the next seal
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// temporary ends the name of a file in the writing.
const temporary = ".tmp"

// makeDirs makes a folder below dir durably.
func makeDirs(dir, path string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	if path != dir && strings.HasPrefix(path, dir) {
		if err := makeDirs(dir, filepath.Dir(path)); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(path, 0o755); err != nil { //nolint:gosec // evidence is to be read
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

package objects

import (
	"context"
	"crypto/sha256"
	"fmt"

	"sidedoor/event"
)

// A shelf remembers the objects that were read, those of one folder or hour
// together, in the bookmarks: for each the digest of its key, of its version, and
// of its content as it is unpacked. When it is full, the oldest is forgotten,
// and read again if it comes again, which changes nothing.
//
// Its wire form is the entries one after the other.
const (
	entryKey     = 16
	entryVersion = 8
	entrySize    = entryKey + entryVersion + len(event.Digest{})
	maxEntries   = 4096
)

func (r *Reader) shelfOf(key string) string {
	return fmt.Sprintf("%s objects s3://%s/%s", r.Source.Name, r.config.Bucket, r.kind.Shelf(key))
}

func keyOf(key string) string {
	d := sha256.Sum256([]byte(key))
	return string(d[:entryKey])
}

func versionOf(o Object) string {
	d := sha256.Sum256(fmt.Appendf(nil, "%s %d", o.ETag, o.Size))
	return string(d[:entryVersion])
}

// find returns where the entry of a key is on a shelf, the newest if there are
// more, or -1.
func find(shelf []byte, key string) int {
	want := keyOf(key)
	for at := len(shelf)/entrySize*entrySize - entrySize; at >= 0; at -= entrySize {
		if string(shelf[at:at+entryKey]) == want {
			return at
		}
	}
	return -1
}

// known returns the digest of an object's unpacked content, if it was read in
// this version.
func (r *Reader) known(ctx context.Context, o Object) (event.Digest, bool, error) {
	shelf, _, err := r.Bookmarks.Bookmark(ctx, r.shelfOf(o.Key))
	if err != nil {
		return event.Digest{}, false, err
	}
	unpacked, known := onShelf(shelf, o)
	return unpacked, known, nil
}

func onShelf(shelf []byte, o Object) (unpacked event.Digest, known bool) {
	at := find(shelf, o.Key)
	if at < 0 || string(shelf[at+entryKey:at+entryKey+entryVersion]) != versionOf(o) {
		return unpacked, false
	}
	return event.Digest(shelf[at+entryKey+entryVersion : at+entrySize]), true
}

// Unpacked returns the digest of the unpacked content of an object as it was
// when it was read last, and whether it was.
func (r *Reader) Unpacked(ctx context.Context, key string) (event.Digest, bool, error) {
	shelf, _, err := r.Bookmarks.Bookmark(ctx, r.shelfOf(key))
	if err != nil {
		return event.Digest{}, false, err
	}
	at := find(shelf, key)
	if at < 0 {
		return event.Digest{}, false, nil
	}
	return event.Digest(shelf[at+entryKey+entryVersion : at+entrySize]), true, nil
}

// remember puts an object on its shelf, after everything of it is stored.
func (r *Reader) remember(ctx context.Context, o Object, unpacked event.Digest) error {
	r.shelves.Lock()
	defer r.shelves.Unlock()
	name := r.shelfOf(o.Key)
	shelf, _, err := r.Bookmarks.Bookmark(ctx, name)
	if err != nil {
		return err
	}
	shelf = shelf[:len(shelf)/entrySize*entrySize]
	kept := make([]byte, 0, len(shelf)+entrySize)
	at := find(shelf, o.Key)
	for i := 0; i < len(shelf); i += entrySize {
		if i != at {
			kept = append(kept, shelf[i:i+entrySize]...)
		}
	}
	if len(kept) >= maxEntries*entrySize {
		kept = kept[len(kept)-(maxEntries-1)*entrySize:]
	}
	kept = append(kept, keyOf(o.Key)...)
	kept = append(kept, versionOf(o)...)
	kept = append(kept, unpacked[:]...)
	return r.Bookmarks.KeepBookmark(ctx, name, kept)
}

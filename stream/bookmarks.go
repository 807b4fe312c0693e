package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"sidedoor/event"
)

// Bookmark returns the place in a source that was kept under key, and whether
// there is one.
func (s *Stream) Bookmark(ctx context.Context, key string) (value []byte, found bool, err error) {
	kv, err := s.js.KeyValue(ctx, bucketBookmarks)
	if err != nil {
		return nil, false, fmt.Errorf("bookmark %q: %w", key, err)
	}
	entry, err := kv.Get(ctx, bookmarkKey(key))
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("bookmark %q: %w", key, err)
	}
	return entry.Value(), true, nil
}

// KeepBookmark keeps a place in a source under key, instead of the one before.
// Nil means that it is on disk.
func (s *Stream) KeepBookmark(ctx context.Context, key string, value []byte) error {
	kv, err := s.js.KeyValue(ctx, bucketBookmarks)
	if err != nil {
		return fmt.Errorf("bookmark %q: %w", key, err)
	}
	if _, err := kv.Put(ctx, bookmarkKey(key), value); err != nil {
		return fmt.Errorf("bookmark %q: %w", key, err)
	}
	return nil
}

// bookmarkKey makes a key of NATS from any string, such as a path.
func bookmarkKey(key string) string { return event.DigestOf([]byte(key)).String() }

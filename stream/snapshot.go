package stream

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sidedoor/event"
)

const (
	snapshotName  = "judge"
	snapshotMagic = "sidedoor judge 1\n"
	// snapshotWithin bounds the reading of a snapshot. Where one of its parts is
	// missing, the client waits for it.
	snapshotWithin = time.Minute
	// snapshotChunk is in how large parts a snapshot is stored; each is fsynced.
	snapshotChunk = 512 << 10
)

// A snapshot's wire form: the magic line; when MATCHES was created, in
// nanoseconds since 1970, and the sequence on it, each 8 bytes, big endian;
// the SHA-256 digest of those 16 bytes and the state; the state.
const snapshotHeader = len(snapshotMagic) + 16 + len(event.Digest{})

func encodeSnapshot(created time.Time, seq uint64, state []byte) []byte {
	body := make([]byte, 0, 16+len(state))
	body = binary.BigEndian.AppendUint64(body, uint64(created.UnixNano()))
	body = binary.BigEndian.AppendUint64(body, seq)
	sum := event.DigestOf(append(body, state...))
	b := append(make([]byte, 0, snapshotHeader+len(state)), snapshotMagic...)
	b = append(append(b, body...), sum[:]...)
	return append(b, state...)
}

func decodeSnapshot(b []byte) (created int64, seq uint64, state []byte, err error) {
	if len(b) < snapshotHeader || !bytes.HasPrefix(b, []byte(snapshotMagic)) {
		return 0, 0, nil, errors.New("snapshot: not one of this version")
	}
	fixed := b[len(snapshotMagic) : len(snapshotMagic)+16]
	sum, state := b[len(snapshotMagic)+16:snapshotHeader], b[snapshotHeader:]
	want := event.DigestOf(append(append(make([]byte, 0, 16+len(state)), fixed...), state...))
	if !bytes.Equal(sum, want[:]) {
		return 0, 0, nil, errors.New("snapshot: damaged: its digest is another")
	}
	return int64(binary.BigEndian.Uint64(fixed)), binary.BigEndian.Uint64(fixed[8:]), state, nil
}

// saveSnapshot keeps the judge's state after the input with sequence seq.
func (s *Stream) saveSnapshot(ctx context.Context, seq uint64, state []byte) error {
	info, err := s.info(ctx, streamMatches)
	if err != nil {
		return err
	}
	bucket, err := s.js.ObjectStore(ctx, bucketSnapshots)
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	meta := jetstream.ObjectMeta{Name: snapshotName, Opts: &jetstream.ObjectMetaOptions{ChunkSize: snapshotChunk}}
	if _, err := bucket.Put(ctx, meta, bytes.NewReader(encodeSnapshot(info.Created, seq, state))); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	return nil
}

// loadSnapshot returns the judge's state that was kept last, or [ErrNotFound].
// A state that belongs to another MATCHES is of no use.
func (s *Stream) loadSnapshot(ctx context.Context) (seq uint64, state []byte, err error) {
	info, err := s.info(ctx, streamMatches)
	if err != nil {
		return 0, nil, err
	}
	bucket, err := s.js.ObjectStore(ctx, bucketSnapshots)
	if err != nil {
		return 0, nil, fmt.Errorf("snapshot: %w", err)
	}
	b, err := readSnapshot(ctx, bucket)
	if err != nil {
		return 0, nil, err
	}
	created, seq, state, err := decodeSnapshot(b)
	if err != nil {
		return 0, nil, err
	}
	if created != info.Created.UnixNano() || seq > info.State.LastSeq {
		return 0, nil, fmt.Errorf("snapshot: of input %d of another stream than this one of %d", seq, info.State.LastSeq)
	}
	return seq, state, nil
}

func readSnapshot(ctx context.Context, bucket jetstream.ObjectStore) ([]byte, error) {
	within, cancel := context.WithTimeout(ctx, snapshotWithin)
	defer cancel()
	b, err := bucket.GetBytes(within, snapshotName)
	switch {
	case err == nil:
		return b, nil
	case errors.Is(err, jetstream.ErrObjectNotFound):
		return nil, fmt.Errorf("snapshot: %w", ErrNotFound)
	case ctx.Err() == nil && within.Err() != nil:
		// The cause is hidden: waiting again would not bring the part back.
		return nil, errors.New("snapshot: a part is missing")
	}
	return nil, fmt.Errorf("snapshot: %w", err)
}

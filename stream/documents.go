package stream

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"

	"sidedoor/event"
)

// KeepDocument keeps a document under its digest, for as long as the records
// that name it. Keeping it again does nothing.
func (s *Stream) KeepDocument(ctx context.Context, document []byte) (event.Digest, error) {
	d := event.DigestOf(document)
	_, err := s.create(ctx, &nats.Msg{Subject: subjectDocument + d.String(), Data: document})
	return d, err
}

// Document returns the document with a digest, or [ErrNotFound].
func (s *Stream) Document(ctx context.Context, d event.Digest) ([]byte, error) {
	m, err := s.last(ctx, streamDocuments, subjectDocument+d.String())
	if err != nil {
		return nil, err
	}
	if got := event.DigestOf(m.Data); got != d {
		return nil, fmt.Errorf("document %s has the digest %s: it was changed in the store", d, got)
	}
	return m.Data, nil
}

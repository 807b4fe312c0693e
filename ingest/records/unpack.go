package records

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

	"sidedoor/event"
)

// source tells a content that cannot be had from one that cannot be understood.
type source struct {
	r    io.Reader
	head []byte // its beginning
	err  error  // of reading it
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.head = append(s.head, p[:min(n, event.MaxDead-len(s.head))]...)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// maxPacked is how many times a content may be packed: Firehose packs, when it
// is told to, what CloudWatch Logs has packed already.
const maxPacked = 3

// unpacked looks at the first bytes, not at the name.
func unpacked(r io.Reader) (io.Reader, error) {
	for range maxPacked + 1 {
		b := bufio.NewReaderSize(r, 64<<10)
		magic, _ := b.Peek(2) // whoever reads on finds out
		if string(magic) == "\x1f" {
			return nil, io.ErrUnexpectedEOF // no JSON begins so
		}
		if string(magic) != "\x1f\x8b" {
			return b, nil
		}
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		r = io.LimitReader(z, maxContent)
	}
	return nil, fmt.Errorf("it is packed more than %d times", maxPacked)
}

package ingest

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Why a body is not taken, beside errBusy.
var (
	errSlow     = errors.New("the body came too slowly")
	errBroken   = errors.New("the body could not be read")
	errTooLarge = errors.New("the body is too large")
)

// encodingError names an encoding that nobody here can undo.
type encodingError string

func (e encodingError) Error() string {
	return fmt.Sprintf("Content-Encoding %.40q is not taken; send gzip, or the body as it is", string(e))
}

const (
	// stallAfter and stallBytes are the pace that a body has to keep, until the
	// server's own bound on a request ends it. Whoever is slower holds memory that
	// others need.
	stallAfter = 10 * time.Second
	stallBytes = 64 << 10
	// firstBuffer is how much is held for a body whose length nobody has said, or
	// somebody who may say anything.
	firstBuffer = 8 << 10
	// weightOfGzip is the memory of what inflates, in bytes of a body.
	weightOfGzip = 32 << 10
)

// bodyReader reads a body within its bounds of size, memory and time.
type bodyReader struct {
	pass   *pass
	max    int64
	source *pacedReader
	extra  int64 // memory beside the body
}

// readBody reads what was sent, and undoes its encoding. What was read so far
// comes with an error, too.
func (r *Receiver) readBody(w http.ResponseWriter, req *http.Request, p *pass) ([]byte, error) {
	source := &pacedReader{from: req.Body, control: http.NewResponseController(w)}
	if r.Authentic != nil {
		p.asStranger(source.sendAway)
	}
	b := &bodyReader{pass: p, max: r.MaxBody, source: source}
	if err := p.grow(req.Context(), 0); err != nil {
		return nil, err
	}
	source.start()
	defer source.stop()
	switch encoding := strings.ToLower(strings.TrimSpace(strings.Join(req.Header.Values("Content-Encoding"), ","))); encoding {
	case "", "identity":
		length := req.ContentLength
		if length > r.MaxBody {
			beginning, _ := io.ReadAll(io.LimitReader(source, maxUnauthenticated)) // what came is enough
			return beginning, errTooLarge
		}
		if r.Authentic != nil {
			length = min(length, firstBuffer)
		}
		return b.read(req.Context(), source, length)
	case "gzip", "x-gzip":
		return b.inflate(req.Context())
	default:
		w.Header().Set("Accept-Encoding", "gzip") // RFC 9110, 12.5.3
		beginning, _ := io.ReadAll(io.LimitReader(source, maxUnauthenticated))
		return beginning, encodingError(encoding)
	}
}

func (b *bodyReader) inflate(ctx context.Context) ([]byte, error) {
	b.extra = weightOfGzip
	if err := b.pass.grow(ctx, b.extra); err != nil {
		return nil, err
	}
	z, err := gzip.NewReader(b.source)
	if err != nil {
		return nil, b.source.why(fmt.Errorf("the body is no gzip: %w", err))
	}
	body, err := b.read(ctx, z, firstBuffer)
	if err != nil && b.source.err == nil && !errors.Is(err, errTooLarge) && !errors.Is(err, errBusy) {
		return body, fmt.Errorf("the body is no gzip: %w", err)
	}
	return body, err
}

// read reads to the end. length is a good guess of how much that is, or -1.
func (b *bodyReader) read(ctx context.Context, from io.Reader, length int64) ([]byte, error) {
	if length < 0 {
		length = firstBuffer
	}
	if err := b.pass.grow(ctx, b.extra+length+1); err != nil {
		return nil, err
	}
	body := make([]byte, 0, length+1) // and one more, to see the end
	for {
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case int64(len(body)) > b.max:
			return body[:b.max], errTooLarge
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil:
			return body, b.source.why(err)
		}
		if len(body) < cap(body) {
			continue
		}
		size := min(2*int64(cap(body)), b.max+1)
		if err := b.pass.grow(ctx, b.extra+size); err != nil {
			return body, err
		}
		larger := make([]byte, len(body), size)
		copy(larger, body)
		body = larger
	}
}

// pacedReader ends a body that comes too slowly, and remembers what became of
// the connection.
type pacedReader struct {
	from    io.Reader
	control *http.ResponseController
	read    atomic.Int64
	err     error // of from, but for its end

	mu    sync.Mutex
	timer *time.Timer // nil: nobody reads
	seen  int64       // by the timer
	slow  bool
	away  bool // others needed the memory
}

// Read implements [io.Reader].
func (p *pacedReader) Read(b []byte) (int, error) {
	n, err := p.from.Read(b)
	p.read.Add(int64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		p.err = err
	}
	return n, err
}

func (p *pacedReader) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer = time.AfterFunc(stallAfter, p.look)
}

// stop says that nothing more is read. What comes next on the connection is
// nobody's to cut.
func (p *pacedReader) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.timer.Stop()
	p.timer = nil
}

func (p *pacedReader) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer == nil {
		return
	}
	read := p.read.Load()
	if read-p.seen < stallBytes {
		p.slow = true
		p.cut()
		return
	}
	p.seen = read
	p.timer.Reset(stallAfter)
}

// sendAway ends the body because others need the memory.
func (p *pacedReader) sendAway() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.away = true
		p.cut()
	}
}

// cut ends a reading that waits, by a deadline that has passed. A body that is
// no connection's has none.
func (p *pacedReader) cut() { _ = p.control.SetReadDeadline(time.Unix(1, 0)) }

// why says what an error of reading comes from.
func (p *pacedReader) why(err error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.away:
		return errBusy
	case p.slow:
		return errSlow
	case p.err != nil:
		return errBroken
	}
	return err
}

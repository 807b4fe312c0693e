// Package hostile makes the deliveries that somebody would send who wishes a
// receiver ill, or whose program is broken: real bodies that are cut, bent and
// lied about. A number makes the same delivery always.
package hostile

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
)

// Request is one delivery.
type Request struct {
	Body   []byte
	Header http.Header
	// Length is the Content-Length that is told; it may be a lie, and -1 says that
	// none is.
	Length int64
	// Broken says that the connection breaks behind the body.
	Broken bool
}

// HTTP returns the delivery as a server hands it over.
func (r Request) HTTP(ctx context.Context) *http.Request {
	var body io.Reader = bytes.NewReader(r.Body)
	if r.Broken {
		body = io.MultiReader(body, breaks{})
	}
	req := httptest.NewRequestWithContext(ctx, http.MethodPost, "/x", body)
	req.Header = r.Header.Clone()
	req.ContentLength = r.Length
	return req
}

// breaks is a connection that is gone.
type breaks struct{}

// Read implements [io.Reader].
func (breaks) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// New returns the delivery of a number. Three in four begin as one that is good, if
// there are any; the rest are made of any bodies.
func New(number uint64, good []Request, bodies [][]byte) Request {
	m := &maker{Rand: rand.New(rand.NewPCG(number, 0x51de)), seeds: bodies} //nolint:gosec // it has to be repeatable
	r := Request{Header: m.headers()}
	if len(good) > 0 && m.IntN(4) > 0 {
		seed := good[m.IntN(len(good))]
		r.Body = m.body(seed.Body, number)
		if m.IntN(4) > 0 {
			r.Header = seed.Header.Clone()
		}
	} else {
		r.Body = m.body(bodies[m.IntN(len(bodies))], number)
	}
	m.encode(&r)
	r.Length = int64(len(r.Body))
	switch m.IntN(12) {
	case 0:
		r.Length = -1
	case 1:
		r.Length += m.Int64N(1 << 10)
		r.Broken = true
	case 2:
		r.Length = m.Int64N(1 << 40)
		r.Broken = true
	case 3:
		r.Broken = true
	}
	return r
}

// maker makes one delivery.
type maker struct {
	*rand.Rand
	seeds [][]byte
}

func (m *maker) body(seed []byte, number uint64) []byte {
	switch m.IntN(8) {
	case 0: // as it is
		return seed
	case 1: // cut at every byte, one after the other
		return seed[:int(number)%(len(seed)+1)]
	}
	body := slices.Clone(seed)
	for range 1 + m.IntN(4) {
		body = m.mutate(body)
	}
	return body
}

// maxGrown bounds what mutations make of a body, so that a million of them end.
const maxGrown = 1 << 20

func (m *maker) mutate(b []byte) []byte {
	if len(b) == 0 || len(b) > maxGrown {
		return b
	}
	at := m.IntN(len(b))
	switch m.IntN(11) {
	case 0:
		return b[:at]
	case 1:
		b[at] ^= 1 << m.IntN(8)
	case 2:
		b[at] = byte(m.IntN(256))
	case 3:
		return slices.Delete(b, at, min(at+1+m.IntN(16), len(b)))
	case 4: // a part twice
		return slices.Insert(b, at, b[at:min(at+m.IntN(256), len(b))]...)
	case 5: // a piece of another
		other := m.seeds[m.IntN(len(m.seeds))]
		from := m.IntN(len(other) + 1)
		return slices.Insert(b, at, other[from:min(from+m.IntN(256), len(other))]...)
	case 6:
		return slices.Insert(b, at, m.oddity()...)
	case 7:
		return m.replaceValue(b)
	case 8:
		return m.repeatKey(b)
	case 9:
		return m.deepen(b)
	default:
		return m.wrap(b)
	}
	return b
}

// oddities are pieces that parsers stumble over.
var oddities = []string{
	"\xff\xfe", "\xed\xa0\x80", `\ud800`, `\u0000`, "\x00", "\ufeff", `\"`, `"`, "'", "{", "}", "[", "]", ",", ":", "null", "NaN", "-",
	"1e400", "-0", "0x1", "1E+99999999", "9223372036854775808", "-9223372036854775809", `"9999-12-31T23:59:60Z"`, `"0000-00-00T00:00:00Z"`,
	"%00", "%", "&payload=", "\r\n", "/*", "<!--", "`", `{"":{"":{}}}`, `"__proto__"`,
}

func (m *maker) oddity() []byte { return []byte(oddities[m.IntN(len(oddities))]) }

// values stand where another was.
var values = []string{
	"null", "true", "0", "-1", "1e400", `""`, "{}", "[]", `"\ud800"`, "[[[[]]]]", `{"a":{"a":{"a":1}}}`, `"2026-02-30T25:61:61Z"`, `"292277026597-01-01T00:00:00Z"`,
	"18446744073709551616", "1763283600000", "0.0000000000000000000000000000000001",
}

// replaceValue replaces what stands behind some colon.
func (m *maker) replaceValue(b []byte) []byte {
	colon := m.find(b, ':')
	if colon < 0 {
		return b
	}
	end := colon + 1
	for end < len(b) && !strings.ContainsRune(",}]\n", rune(b[end])) {
		end++
	}
	value := values[m.IntN(len(values))]
	switch m.IntN(20) {
	case 0:
		value = strings.Repeat("9", 1+m.IntN(10_000))
	case 1:
		value = `"` + strings.Repeat("A", m.IntN(100_000)) + `"`
	}
	return slices.Concat(b[:colon+1], []byte(value), b[end:])
}

// repeatKey puts a member of some object there once more, with another value.
func (m *maker) repeatKey(b []byte) []byte {
	colon := m.find(b, ':')
	if colon < 2 {
		return b
	}
	quote := bytes.LastIndexByte(b[:max(colon-1, 0)], '"')
	if quote < 0 {
		return b
	}
	return slices.Insert(b, quote, fmt.Appendf(nil, "%s:%s,", b[quote:colon], values[m.IntN(len(values))])...)
}

// deepen puts thousands of brackets somewhere, closed or not.
func (m *maker) deepen(b []byte) []byte {
	n := 1 + m.IntN(200)
	if m.IntN(20) == 0 {
		n = 1 + m.IntN(50_000)
	}
	open, end := "[", "]"
	if m.IntN(2) == 0 {
		open, end = `{"a":`, "}"
	}
	deep := strings.Repeat(open, n)
	if m.IntN(2) == 0 {
		deep += "1" + strings.Repeat(end, n)
	}
	if colon := m.find(b, ':'); colon >= 0 {
		return slices.Insert(b, colon+1, []byte(deep+",")...)
	}
	return slices.Insert(b, m.IntN(len(b)), []byte(deep)...)
}

// wrap puts the body into what others put theirs in, or makes many of it.
func (m *maker) wrap(b []byte) []byte {
	switch m.IntN(8) {
	case 0:
		return fmt.Appendf(nil, `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[%s]}`, b)
	case 1:
		return fmt.Appendf(nil, `[%s]`, b)
	case 2:
		return fmt.Appendf(nil, `{"items":[%s,%s]}`, b, m.oddity())
	case 3:
		text, _ := json.Marshal(string(b))
		return fmt.Appendf(nil, `{"event":%s,"Message":%s,"Type":"Notification"}`, b, text)
	case 4:
		return fmt.Appendf(nil, "%s\n%s", b, b)
	case 5:
		return []byte("payload=" + strings.ReplaceAll(string(b), "&", "%26"))
	case 6:
		return []byte("[" + strings.Repeat("0,", m.IntN(20_000)) + "0]")
	default:
		return slices.Concat(bytes.Repeat([]byte(" "), m.IntN(1000)), b)
	}
}

// find returns the place of some c, or -1.
func (m *maker) find(b []byte, c byte) int {
	start := m.IntN(len(b))
	if at := bytes.IndexByte(b[start:], c); at >= 0 {
		return start + at
	}
	return bytes.IndexByte(b, c)
}

// encode compresses some bodies, and says of some that they are what they are not.
func (m *maker) encode(r *Request) {
	switch m.IntN(30) {
	case 0, 1:
		r.Header.Set("Content-Encoding", "gzip")
		r.Body = zipped(r.Body)
	case 2: // cut or bent
		r.Header.Set("Content-Encoding", "gzip")
		r.Body = m.mutate(zipped(r.Body))
	case 3:
		r.Header.Set("Content-Encoding", []string{"gzip", "br", "deflate", "gzip, gzip", "zstd", "\x00", "identity"}[m.IntN(7)])
	case 4:
		if m.IntN(200) == 0 {
			r.Header.Set("Content-Encoding", "gzip")
			r.Body = bomb
		}
	}
}

// bomb is small, and large when it is inflated.
var bomb = zipped(bytes.Repeat([]byte(`{"items":[`), 8<<20))

var zippers sync.Pool

func zipped(b []byte) []byte {
	var out bytes.Buffer
	z, ok := zippers.Get().(*gzip.Writer)
	if !ok {
		z, _ = gzip.NewWriterLevel(nil, gzip.BestSpeed) // which is a level
	}
	z.Reset(&out)
	_, _ = z.Write(b) // a buffer takes all
	_ = z.Close()     // likewise
	zippers.Put(z)
	return out.Bytes()
}

// Archive returns the files of a txtar archive that are JSON, whole and line by
// line.
func Archive(archive []byte) (bodies [][]byte) {
	for i, file := range strings.Split("\n"+string(archive), "\n-- ") {
		_, content, _ := strings.Cut(file, "--\n")
		content = strings.TrimSpace(content)
		if i == 0 || content == "" || (content[0] != '{' && content[0] != '[') {
			continue
		}
		bodies = append(bodies, []byte(content))
		if lines := strings.Split(content, "\n"); json.Valid([]byte(lines[0])) && len(lines) > 1 {
			for _, line := range lines {
				bodies = append(bodies, []byte(line))
			}
		}
	}
	return bodies
}

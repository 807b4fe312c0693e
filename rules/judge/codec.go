package judge

import (
	"encoding/binary"
	"encoding/hex"
	"iter"
	"strings"
	"time"

	"sidedoor/event"
)

// codec writes values down in few bytes, or reads what it wrote. Each of its
// methods does both, so there is one description of the form and not two that
// could differ.
//
// What is read keeps nothing of in from being freed, unless that is lasting. What
// was not written by a codec is bad, and then what is read means nothing; nothing
// panics.
type codec struct {
	words   *dictionary
	reading bool
	out     []byte
	in      string
	bad     bool
	last    int64       // the Unix time of the moment before
	depth   int         // of requirements in requirements
	lasting bool        // in is kept for as long as what is read of it
	visit   func(int32) // is told each word that is read, if it is there
	arena   *arena      // for the texts that are read, if it is there
}

// maxDepth is how deep requirements may be nested, as JSON can be.
const maxDepth = 10_000

// done says whether all was read, and was well.
func (c *codec) done() bool { return !c.bad && c.in == "" }

func (c *codec) fail() { c.bad, c.in = true, "" }

func (c *codec) uint(n *uint64) {
	if !c.reading {
		c.out = binary.AppendUvarint(c.out, *n)
		return
	}
	*n = 0
	for i := 0; i < len(c.in) && i < binary.MaxVarintLen64; i++ {
		b := c.in[i]
		*n |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			c.in = c.in[i+1:]
			return
		}
	}
	c.fail()
	*n = 0
}

// integer is of any whole type; small ones take one byte.
func integer[T ~int | ~int64](c *codec, n *T) {
	u := uint64(*n)<<1 ^ uint64(int64(*n)>>63)
	c.uint(&u)
	if c.reading {
		*n = T(int64(u>>1) ^ -int64(u&1))
	}
}

// flags are up to eight, in one byte.
func (c *codec) flags(all ...*bool) {
	var u uint64
	for i, f := range all {
		if *f {
			u |= 1 << i
		}
	}
	c.uint(&u)
	if c.reading {
		for i, f := range all {
			*f = u&(1<<i) != 0
		}
	}
}

// raw reads n bytes.
func (c *codec) raw(n uint64) string {
	if n > uint64(len(c.in)) {
		c.fail()
		return ""
	}
	s := c.in[:n]
	c.in = c.in[n:]
	return s
}

// digest is 32 bytes.
func (c *codec) digest(d *event.Digest) {
	if !c.reading {
		c.out = append(c.out, d[:]...)
		return
	}
	copy(d[:], c.raw(uint64(len(d))))
}

// word is a text that others share.
func (c *codec) word(s *string) {
	var n uint64
	if !c.reading {
		n = uint64(c.words.enter(*s))
	}
	c.uint(&n)
	if !c.reading {
		return
	}
	if !c.words.has(n) {
		c.fail()
		n = 0
	}
	*s = c.words.text(int32(n))
	if c.visit != nil {
		c.visit(int32(n))
	}
}

// The forms of a text. Its length is followed by it.
const (
	plain   = iota
	hexTail // ends in hexadecimal digits: their bytes' number, what stands before, the bytes
	guid    // 16 bytes
	forms
)

// text is one that is not expected to be shared: an ID, the number of a ticket.
func (c *codec) text(s *string) {
	if c.reading {
		*s = c.readText("")
		return
	}
	t := *s
	digits := hexDigits(t) / 2 * 2
	switch {
	case isGUID(t):
		c.out = append(c.out, guid)
		c.hex(strings.ReplaceAll(t, "-", ""))
	case digits >= 16:
		before := t[:len(t)-digits]
		c.out = binary.AppendUvarint(c.out, uint64(digits/2*forms+hexTail))
		c.out = binary.AppendUvarint(c.out, uint64(len(before)))
		c.out = append(c.out, before...)
		c.hex(t[len(before):])
	default:
		c.out = binary.AppendUvarint(c.out, uint64(len(t)*forms+plain))
		c.out = append(c.out, t...)
	}
}

// readText reads a text behind another, in one piece.
func (c *codec) readText(before string) string {
	var form uint64
	c.uint(&form)
	if before == "" && c.lasting && form%forms == plain {
		return c.raw(form / forms)
	}
	var room [128]byte
	b := c.appendText(append(room[:0], before...), form)
	if c.arena != nil {
		return c.arena.keep(b)
	}
	return string(b)
}

// appendText appends the text of which the form was read.
func (c *codec) appendText(b []byte, form uint64) []byte {
	switch form % forms {
	case guid:
		g := c.raw(16)
		if c.bad {
			return nil
		}
		for i, end := range []int{4, 6, 8, 10, 16} {
			if i > 0 {
				b = append(b, '-')
			}
			b = hex.AppendEncode(b, []byte(g[[]int{0, 4, 6, 8, 10}[i]:end]))
		}
	case hexTail:
		var before uint64
		c.uint(&before)
		b = append(b, c.raw(before)...)
		b = hex.AppendEncode(b, []byte(c.raw(form/forms)))
	default:
		b = append(b, c.raw(form/forms)...)
	}
	return b
}

func (c *codec) hex(digits string) {
	c.out, _ = hex.AppendDecode(c.out, []byte(digits)) // they are digits
}

// hexDigits counts the lower-case hexadecimal digits at the end of s.
func hexDigits(s string) int {
	return len(s) - len(strings.TrimRight(s, "0123456789abcdef"))
}

func isGUID(s string) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	h := strings.ReplaceAll(s, "-", "")
	return len(h) == 32 && hexDigits(h) == 32
}

// path is a text of which what stands before its last part is shared: of
// acme/shop@c0ffee the repository, of a URL all but the ticket's number.
func (c *codec) path(s *string) {
	var before string
	if c.reading {
		c.word(&before)
		*s = c.readText(before)
		return
	}
	at := strings.LastIndexAny(*s, "/@:") + 1
	if wild(*s) || len(*s) >= 36 && isGUID((*s)[:36]) {
		at = 0 // a pattern is looked at often, and is best read as it stands; nobody shares a GUID
	}
	before, last := (*s)[:at], (*s)[at:]
	c.word(&before)
	c.text(&last)
}

// isWord reads a word, and says whether it is this one.
func (c *codec) isWord(s string) bool {
	var word string
	c.word(&word)
	return word == s
}

// isPath reads a path, and says whether it is this one.
func (c *codec) isPath(s string) bool {
	var before string
	var form uint64
	c.word(&before)
	c.uint(&form)
	var room [256]byte
	return string(c.appendText(append(room[:0], before...), form)) == s
}

// The years that JSON can hold, in Unix time.
var (
	firstSecond = time.Time{}.Unix()
	lastSecond  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
)

// moment is a UTC time within these, in few bytes if it is near the moment
// before.
func (c *codec) moment(t *time.Time) {
	var n, nanos uint64 // 0: the zero time; else whether there are nanoseconds, and the distance
	if !c.reading && !t.IsZero() {
		away := t.Unix() - c.last
		nanos = uint64(t.Nanosecond())
		n = 1 + min(nanos, 1) + 2*(uint64(away)<<1^uint64(away>>63))
	}
	c.uint(&n)
	if n == 0 {
		*t = time.Time{}
		return
	}
	if (n-1)%2 == 1 {
		c.uint(&nanos)
	}
	if c.reading {
		u := (n - 1) / 2
		seconds := c.last + (int64(u>>1) ^ -int64(u&1))
		if seconds < firstSecond || seconds > lastSecond || nanos >= 1e9 {
			c.fail()
			*t = time.Time{}
			return
		}
		*t = time.Unix(seconds, int64(nanos)).UTC()
	}
	c.last = t.Unix()
}

// each goes through the values of a list, to write or to read them. An empty list
// is read as none.
func each[T any](c *codec, all *[]T) iter.Seq[*T] {
	return func(yield func(*T) bool) {
		n := uint64(len(*all))
		c.uint(&n)
		if c.reading {
			*all = nil
		}
		for i := range n {
			if c.reading {
				if c.in == "" { // the least of a value takes a byte
					c.fail()
					return
				}
				var none T
				*all = append(*all, none)
			}
			if !yield(&(*all)[i]) {
				return
			}
		}
	}
}

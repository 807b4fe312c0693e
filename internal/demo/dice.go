package demo

import (
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// seed makes every playing of the week the same.
const seed = 20261116

// dice is the randomness of one part of the week. Each part has its own, so
// that a new beat leaves the rest of the week as it was.
type dice struct{ *rand.Rand }

func newDice(part string) dice {
	h := fnv.New64a()
	h.Write([]byte(part))
	return dice{rand.New(rand.NewPCG(seed, h.Sum64()))}
}

// hex returns n random hexadecimal digits; n is even.
func (d dice) hex(n int) string {
	b := make([]byte, n/2)
	for i := range b {
		b[i] = byte(d.Uint32())
	}
	return hex.EncodeToString(b)
}

// sha returns what looks like a Git commit.
func (d dice) sha() string { return d.hex(40) }

// uuid returns a random UUID, version 4.
func (d dice) uuid() string {
	h := d.hex(32)
	return fmt.Sprintf("%s-%s-4%s-a%s-%s", h[:8], h[8:12], h[13:16], h[17:20], h[20:])
}

// letters returns n characters of the given alphabet.
func (d dice) letters(n int, alphabet string) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[d.IntN(len(alphabet))]
	}
	return string(b)
}

const (
	upperAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	lowerAlphabet = "bcdfghjklmnpqrstvwxz2456789" // as in the names of pods
)

// between returns a time from lo to hi, to the second.
func (d dice) between(lo, hi time.Duration) time.Duration {
	return lo + time.Duration(d.Int64N(int64((hi-lo)/time.Second)+1))*time.Second
}

func pick[T any](d dice, list []T) T { return list[d.IntN(len(list))] }

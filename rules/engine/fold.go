package engine

import (
	"encoding/binary"
	"math/bits"
	"unicode"
	"unicode/utf8"
)

// isASCII says whether b holds ASCII alone.
func isASCII(b []byte) bool {
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b)&highBits != 0 {
			return false
		}
		b = b[8:]
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// isFolded says whether text is in lower case for certain.
func isFolded(b []byte) bool {
	for _, c := range b {
		if (c >= 'A' && c <= 'Z') || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// appendFolded appends b in lower case, character by character, as the texts
// of rules are.
func appendFolded(dst, b []byte) []byte {
	for len(b) > 0 {
		c := b[0]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(b)
			dst, b = utf8.AppendRune(dst, unicode.ToLower(r)), b[n:]
			continue
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst, b = append(dst, c), b[1:]
	}
	return dst
}

// equalFolded says whether ASCII text, in whatever case, is a folded literal
// of the same length.
func equalFolded(text, literal []byte) bool {
	for i, c := range text {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != literal[i] {
			return false
		}
	}
	return true
}

// hash is the same for texts that differ in the case of ASCII letters. What
// else it takes for the same ('@' and '`') a comparison tells apart.
func hash(b []byte) uint64 {
	const k = 0x9e3779b97f4a7c15
	n := len(b)
	h := uint64(n) * k
	switch {
	case n >= 8:
		for i := 0; i+8 < n; i += 8 {
			h = mix(h ^ (binary.LittleEndian.Uint64(b[i:]) | caseBits))
		}
		return mix(h ^ (binary.LittleEndian.Uint64(b[n-8:]) | caseBits))
	case n >= 4:
		return mix(h ^ ((uint64(binary.LittleEndian.Uint32(b))<<32 | uint64(binary.LittleEndian.Uint32(b[n-4:]))) | caseBits))
	case n > 0:
		return mix(h ^ ((uint64(b[0])<<16 | uint64(b[n/2])<<8 | uint64(b[n-1])) | caseBits))
	}
	return h
}

// caseBits are the bits in which the cases of ASCII letters differ.
const caseBits = 0x2020202020202020

func mix(x uint64) uint64 {
	hi, lo := bits.Mul64(x, 0xd6e8feb86659fd93)
	return hi ^ lo
}

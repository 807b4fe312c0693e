package sigma

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"unicode/utf16"
)

// encoders turn bytes into those that the encoding modifiers look for: one
// form, or for base64offset three.
var encoders = map[string]func([]byte) ([][]byte, error){
	"base64":       func(b []byte) ([][]byte, error) { return [][]byte{base64.StdEncoding.AppendEncode(nil, b)}, nil },
	"base64offset": encodeAtOffsets,
	"utf16le":      func(b []byte) ([][]byte, error) { return [][]byte{encodeUTF16(b, binary.LittleEndian)}, nil },
	"wide":         func(b []byte) ([][]byte, error) { return [][]byte{encodeUTF16(b, binary.LittleEndian)}, nil },
	"utf16be":      func(b []byte) ([][]byte, error) { return [][]byte{encodeUTF16(b, binary.BigEndian)}, nil },
	"utf16": func(b []byte) ([][]byte, error) {
		return [][]byte{append([]byte{0xff, 0xfe}, encodeUTF16(b, binary.LittleEndian)...)}, nil
	},
}

// encodeAtOffsets gives what is always there where b stands in something that
// is encoded, by the place of its first byte in a group of three: the digits
// all of whose bits are b's.
func encodeAtOffsets(b []byte) ([][]byte, error) {
	var out [][]byte
	for offset := range 3 {
		digits := base64.StdEncoding.AppendEncode(nil, append(make([]byte, offset), b...))
		first, end := (8*offset+5)/6, 8*(offset+len(b))/6
		if first >= end {
			return nil, fmt.Errorf("base64offset finds nothing of %q that is always there; write at least two characters", b)
		}
		out = append(out, digits[first:end])
	}
	return out, nil
}

func encodeUTF16(b []byte, order binary.AppendByteOrder) []byte {
	var out []byte
	for _, unit := range utf16.Encode([]rune(string(b))) {
		out = order.AppendUint16(out, unit)
	}
	return out
}

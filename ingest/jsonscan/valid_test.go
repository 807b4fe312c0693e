package jsonscan_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"sidedoor/ingest/jsonscan"
)

var documents = []string{
	``, ` `, `{}`, `[]`, `{"a":1}`, `{"a":1,}`, `[1,]`, `[,1]`, `{"a"}`, `{"a":}`, `{a:1}`, `[1 2]`, `{"a":1 "b":2}`, `{"a":1}}`, `]`, `{]`, `[}`, `[[]`,
	`0`, `-0`, `01`, `-`, `-a`, `1.`, `.5`, `1.5e+3`, `1e`, `1e+`, `1E400`, `+1`, `0x1`, `NaN`, `tru`, `true`, `truex`, `nul`, `false `, "null\x00",
	`"a"`, `"a`, `"\"`, `"\\"`, `"\x"`, `"\u12"`, `"\u12g4"`, `"\uD800"`, "\"a\nb\"", "\"\x1f\"", "\"\x7f\"", "\"\xff\xfe\"", "\"\xc3\xa4\"", `"/\/"`,
	"\ufeff{}", "\t\r\n [ { \"a\" : [ ] } , null ] \n", `{"a":"bbbbbbbbbbbbbbbbbbbbbbbb\"ccccccc"}`, `"0123456` + "\x1f" + `89"`, `"01234567\t"`,
	strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000), strings.Repeat("[", 10_001) + strings.Repeat("]", 10_001),
	strings.Repeat(`{"a":`, 9_999) + "[]" + strings.Repeat("}", 9_999),
}

func TestADocumentIsValidExactlyIfEncodingJSONSaysSo(t *testing.T) {
	for _, d := range documents {
		if got, want := jsonscan.Valid([]byte(d)), json.Valid([]byte(d)); got != want {
			t.Errorf("%.60q: %v, want %v", d, got, want)
		}
	}
	// Each byte, at each place of the words that are looked at at once.
	for c := range 256 {
		for at := range 20 {
			d := []byte(`["` + strings.Repeat("x", 20) + `"]`)
			d[2+at] = byte(c)
			if got, want := jsonscan.Valid(d), json.Valid(d); got != want {
				t.Fatalf("%q: %v, want %v", d, got, want)
			}
		}
	}
}

func FuzzValid(f *testing.F) {
	for _, d := range documents {
		if len(d) < 1000 {
			f.Add([]byte(d))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if got, want := jsonscan.Valid(raw), json.Valid(raw); got != want {
			t.Errorf("%q: %v, want %v", raw, got, want)
		}
	})
}

// lists are read with a list under "items".
func FuzzList(f *testing.F) {
	for _, d := range append(documents, `{"items":[1,{"a":[2]},"x"],"kind":"k"}`, `{"kind":"k","items":[],"items":[[1],2]}`, `{"items":{"a":1}}`, `{"\u0069tems":[1]}`) {
		if len(d) < 1000 {
			f.Add([]byte(d))
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var got, want []string
		valid := jsonscan.List(raw, "items", func(v []byte) bool {
			got = append(got, string(v))
			return true
		}, func(key, v []byte) bool {
			got = append(got, string(key)+":"+string(v))
			return true
		})
		if valid != json.Valid(raw) {
			t.Fatalf("%q: %v", raw, valid)
		}
		if !valid {
			return
		}
		jsonscan.Members(raw, func(key string, v []byte) bool {
			if key == "items" && v[0] == '[' {
				jsonscan.Elements(v, func(v []byte) bool {
					want = append(want, string(v))
					return true
				})
			} else {
				want = append(want, key+":"+string(v))
			}
			return true
		})
		if !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	})
}

func BenchmarkValid(b *testing.B) {
	doc := []byte(`[` + strings.Repeat(`{"userAgent":"kubectl/v1.31.2 (darwin/arm64) kubernetes/5864a46","code":200,"groups":["system:authenticated","platform"],"ok":true},`, 100) + `0]`)
	b.Run("jsonscan", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		for b.Loop() {
			jsonscan.Valid(doc)
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.SetBytes(int64(len(doc)))
		for b.Loop() {
			json.Valid(bytes.Clone(doc))
		}
	})
}

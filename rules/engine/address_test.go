package engine_test

import (
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sidedoor/rules/engine"
)

func TestAnAddressIsReadAsTheStandardLibraryReadsIt(t *testing.T) {
	bit := rapid.SampledFrom([]string{"0", "1", "9", "25", "255", "256", "f", "F00", "fffff", "ffff", ".", ".", ":", ":", ":", "::", "%", "x", "1.2.3.4", "1:2:3:4", "::ffff:"})
	rapid.Check(t, func(t *rapid.T) {
		s := strings.Join(rapid.SliceOfN(bit, 0, 12).Draw(t, "text"), "")
		want, err := netip.ParseAddr(s)
		got, ok := engine.ParseAddress([]byte(s))
		if plain, _, zoned := strings.Cut(s, "%"); zoned && err != nil && !strings.HasSuffix(s, "%") && strings.Contains(plain, ":") {
			want, err = netip.ParseAddr(plain) // the library has changed its mind about zones of mapped addresses
		}
		if ok != (err == nil) || ok && got != want.Unmap().WithZone("") {
			t.Fatalf("%q: %v, %v; want %v, %v", s, got, ok, want, err)
		}
	})
}

package judge

import (
	"testing"
	"unsafe"

	"sidedoor/event"
)

func TestASlotTakesOneLineOfTheCache(t *testing.T) {
	if size := unsafe.Sizeof(slot{}); size != 64 {
		t.Errorf("it takes %d bytes, want 64", size)
	}
}

func TestATokenStandsForOneID(t *testing.T) {
	id := event.DigestOf([]byte("a")).String()
	seen := map[token]string{}
	for _, id := range []string{id, event.DigestOf([]byte("b")).String(), "", "c", id[:32], id[:62], "x" + id[1:]} {
		got := tokenOf(id)
		if other, twice := seen[got]; twice {
			t.Errorf("%q and %q have the same", id, other)
		}
		seen[got] = id
		text, _ := got.MarshalText()
		var again token
		if err := again.UnmarshalText(text); err != nil || again != got {
			t.Errorf("%q: %s is read as %x: %v", id, text, again, err)
		}
	}
	if text, _ := tokenOf(id).MarshalText(); string(text) != id[:32] {
		t.Errorf("%s, want the first half of %s", text, id)
	}
	for _, text := range []string{"", "00", id, id[:31] + "x"} {
		if err := new(token).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read as a token", text)
		}
	}
}

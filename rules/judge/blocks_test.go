package judge

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestBlocksHoldWhatAMapDoesAndLittleMore(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		got := blocks{slots: new(pages[slot])}
		want, held := map[int32]string{}, 0
		for step := range rapid.IntRange(1, 300).Draw(rt, "steps") {
			n := rapid.Int32Range(0, 40).Draw(rt, "number")
			if text, there := want[n]; there {
				got.remove(n)
				delete(want, n)
				held -= len(text)
			} else {
				size := rapid.SampledFrom([]int{0, 1, 300, 3000, blockSize / 8, blockSize/8 + 1, 2 * blockSize}).Draw(rt, "size")
				want[n] = strings.Repeat(string(rune('a'+step%26)), size)
				got.put(n, want[n])
				held += size
			}
			for n := range int32(41) {
				if text := got.at(n); text != want[n] {
					rt.Fatalf("%d has %d bytes, want %d", n, len(text), len(want[n]))
				}
			}
			room := 0
			for _, b := range got.list {
				if b != nil {
					room += b.Cap()
				}
			}
			// A block is filled to seven eighths and used to three quarters of
			// that, but for the one that is being filled.
			if most := held*8/7*4/3 + 2*blockSize; room > most {
				rt.Fatalf("%d bytes of room for %d, want no more than %d", room, held, most)
			}
		}
	})
}

func TestATextThatWasReadRemainsAsItWasWhenItsBlockIsGivenUp(t *testing.T) {
	b := blocks{slots: new(pages[slot])}
	b.put(0, strings.Repeat("a", 1000))
	read := b.at(0)
	for n := int32(1); n < 200; n++ {
		b.put(n, strings.Repeat("b", 1000))
	}
	for n := range int32(200) {
		b.remove(n)
	}
	if read != strings.Repeat("a", 1000) {
		t.Errorf("it is %q now", read)
	}
}

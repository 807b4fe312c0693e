package evidence

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

func TestTilesLieWhereTlogTilesSaysTheyDo(t *testing.T) {
	for _, c := range []struct {
		level int
		n     int64
		w     int
		want  string
	}{
		{0, 1234067, width, "tile/0/x001/x234/067"}, // the example of the specification
		{0, 0, width, "tile/0/000"},
		{1, 999, 1, "tile/1/999.p/1"},
		{0, 1000, 255, "tile/0/x001/000.p/255"},
		{-1, 273, 112, "tile/entries/273.p/112"},
		{-1, 1000000, width, "tile/entries/x001/x000/000"},
	} {
		if got := tilePath(c.level, c.n, c.w); got != c.want {
			t.Errorf("level %d tile %d: %s, want %s", c.level, c.n, got, c.want)
		}
	}
	// The Go checksum database has the same paths but for the height.
	for _, n := range []int64{0, 7, 255, 256, 999, 1000, 65535, 1234067} {
		for _, w := range []int{1, 17, width} {
			theirs := tlog.Tile{H: height, L: 2, N: n, W: w}.Path()
			if ours := tilePath(2, n, w); ours != strings.Replace(theirs, "tile/8/", "tile/", 1) {
				t.Errorf("tile %d of %d: %s, and sumdb has %s", n, w, ours, theirs)
			}
		}
	}
}

func TestTheTilesOfATreeAreAllAndNoOthers(t *testing.T) {
	for size, want := range map[int64]string{
		0:   "",
		1:   "entries/000.p/1 0/000.p/1",
		256: "entries/000 0/000 1/000.p/1",
		300: "entries/000 entries/001.p/44 0/000 0/001.p/44 1/000.p/1",
	} {
		var got []string
		if err := tilesOf(size, func(t tileAt) error { got = append(got, strings.TrimPrefix(t.path(), "tile/")); return nil }); err != nil {
			t.Fatal(err)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%d records: %v, want %s", size, got, want)
		}
	}
	for _, size := range []int64{65535, 65536, 65537, 1 << 24} {
		last := map[int]tileAt{}
		count := 0
		if err := tilesOf(size, func(t tileAt) error { last[t.level] = t; count++; return nil }); err != nil {
			t.Fatal(err)
		}
		tilesOfEdge(size, func(at tileAt) {
			if last[at.level] != at {
				t.Errorf("%d records: the edge of level %d is %v, want %v", size, at.level, at, last[at.level])
			}
			delete(last, at.level)
		})
		if len(last) > 0 || count == 0 {
			t.Errorf("%d records: the edge leaves out %v", size, last)
		}
	}
}

func FuzzParseBundle(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 0})
	f.Add([]byte{0, 2, 'a', 'b', 0, 1, 'c'})
	f.Add([]byte{0xff, 0xff, 'a'})
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		records, err := parseBundle(b)
		var again []byte
		for _, r := range records {
			again = appendEntry(again, r)
		}
		if err == nil && !bytes.Equal(again, b) {
			t.Error("bytes of the bundle are in no record")
		}
		if err != nil && (!bytes.HasPrefix(b, again) || len(again) == len(b)) {
			t.Errorf("the records before the fault are not the bundle's: %v", err)
		}
	})
}

func FuzzParseCheckpoint(f *testing.F) {
	f.Add("sidedoor/test\n3\n" + tlog.RecordHash(nil).String() + "\ntime 2026-11-20T17:00:00Z\n")
	f.Add("sidedoor/test\n-3\n\ntime \n")
	f.Add("o\n00\nAAAA\ntime 2026-11-20T17:00:00+01:00\n")
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := parseCheckpoint(text); err == nil && (c.text() != text || int64(c.Size) < 0) {
			t.Errorf("%q is read as %q", text, c.text())
		}
	})
}

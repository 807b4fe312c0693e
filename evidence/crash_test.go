package evidence_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sidedoor/evidence"
)

// moments returns the folder as a crash can leave it at each moment of a seal
// that turns before into after: files are written one by one, each under a
// temporary name first, then the checkpoint, and then what is superseded goes.
func moments(t *testing.T, before, after string, f func(name, dir string)) {
	t.Helper()
	had, has := files(t, before), files(t, after)
	only := func(of, but []string) []string {
		return slices.DeleteFunc(slices.Clone(of), func(p string) bool { return slices.Contains(but, p) })
	}
	news, gone := append(only(has, had), "checkpoint"), only(had, has)
	for i, next := range news {
		b, err := os.ReadFile(filepath.Join(after, next))
		if err != nil {
			t.Fatal(err)
		}
		for _, cut := range []int{-1, 0, 1, len(b) / 2, len(b)} {
			dir := copyOf(t, before)
			for _, done := range news[:i] {
				copyFile(t, filepath.Join(after, done), filepath.Join(dir, done))
			}
			if cut >= 0 {
				path := filepath.Join(dir, next+".tmp")
				if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, b[:cut], 0o600); err != nil {
					t.Fatal(err)
				}
			}
			f("before "+next, dir)
		}
	}
	for i := range gone {
		dir := copyOf(t, after)
		for _, p := range gone[i:] {
			copyFile(t, filepath.Join(before, p), filepath.Join(dir, p))
		}
		f("before the removal of "+gone[i], dir)
	}
}

func copyOf(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "ledger")
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestACrashAtAnyMomentOfASealIsRepaired(t *testing.T) {
	const end = 530
	want := reference(t, end)
	for _, c := range []struct{ from, to int }{{0, 3}, {0, 300}, {3, 255}, {255, 256}, {256, 257}, {250, 520}} {
		signer := key(t)
		before := filepath.Join(t.TempDir(), "ledger")
		l := open(t, before, signer)
		grow(t, l, c.from, c.from)
		after := copyOf(t, before)
		grow(t, open(t, after, signer), c.to, c.to)
		moments(t, before, after, func(moment, dir string) {
			if c.from == 0 && strings.HasPrefix(moment, "before tile") {
				// The first seal signs an empty ledger before it writes a tile.
				copyFile(t, empty(t, signer), filepath.Join(dir, "checkpoint"))
			}
			l, err := evidence.Open(dir, signer, origin)
			if err != nil {
				t.Errorf("%d to %d, %s: %v", c.from, c.to, moment, err)
				return
			}
			if n := int(l.Size()); n != c.from && n != c.to {
				t.Errorf("%d to %d, %s: %d records", c.from, c.to, moment, n)
			}
			if root := grow(t, l, end, end).Root; root != want {
				t.Errorf("%d to %d, %s: another root", c.from, c.to, moment)
			}
			if _, err := evidence.Verify(dir, evidence.VerifyOptions{}); err != nil {
				t.Errorf("%d to %d, %s: %v", c.from, c.to, moment, err)
			}
		})
	}
}

// empty returns the file of a checkpoint of no records.
func empty(t *testing.T, signer string) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := open(t, dir, signer).Seal(now); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "checkpoint")
}

func TestTheCheckpointOfAnEmptyLedgerIsThereBeforeItsFirstTile(t *testing.T) {
	dir, signer := t.TempDir(), key(t)
	l := open(t, dir, signer)
	if err := l.Append(record(0)); err != nil {
		t.Fatal(err)
	}
	// The first tile cannot be written.
	if err := os.WriteFile(filepath.Join(dir, "tile"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Seal(now); err == nil {
		t.Fatal("it is sealed")
	}
	if c, err := evidence.ReadCheckpoint(dir); err != nil || c.Size != 0 {
		t.Errorf("%d records, %v", c.Size, err)
	}
	if err := os.Remove(filepath.Join(dir, "tile")); err != nil {
		t.Fatal(err)
	}
	// A seal that failed is made again, by the same process or the next.
	if c, err := l.Seal(now); err != nil || c.Root != reference(t, 1) {
		t.Errorf("again: %v", err)
	}
}

// A seal that fails half-way, as on a full disk, leaves nothing behind once a
// later one succeeds, of however many more records.
func TestASealThatFailedIsMadeUpForByTheNext(t *testing.T) {
	for _, obstacle := range []string{"checkpoint.tmp", "tile/0/000.p/14.tmp", "tile/entries/000.p/14.tmp"} {
		dir, signer := filepath.Join(t.TempDir(), "ledger"), key(t)
		l := open(t, dir, signer)
		grow(t, l, 7, 7)
		path := filepath.Join(dir, obstacle)
		if err := os.MkdirAll(path, 0o750); err != nil {
			t.Fatal(err)
		}
		for i := 7; i < 14; i++ {
			if err := l.Append(record(i)); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := l.Seal(now); err == nil {
			t.Fatalf("%s: it is sealed all the same", obstacle)
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		grow(t, l, 20, 6)
		if _, err := evidence.Verify(dir, evidence.VerifyOptions{}); err != nil {
			t.Errorf("%s: %v", obstacle, err)
		}
	}
}

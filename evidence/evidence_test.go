package evidence_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"sidedoor/evidence"
)

const origin = "sidedoor/test"

var now = time.Date(2026, 11, 20, 17, 0, 0, 0, time.UTC)

func record(i int) []byte { return fmt.Appendf(nil, `{"type":"verdict","id":"%d"}`, i) }

func key(t testing.TB) string {
	t.Helper()
	signer, _, err := evidence.NewKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func open(t testing.TB, dir, signer string) *evidence.Ledger {
	t.Helper()
	l, err := evidence.Open(dir, signer, origin)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// grow appends records from..to-1 in seals of the given size.
func grow(t testing.TB, l *evidence.Ledger, to, seal int) evidence.Checkpoint {
	t.Helper()
	var c evidence.Checkpoint
	for i := int(l.Size()); i < to; {
		for range min(seal, to-i) {
			if err := l.Append(record(i)); err != nil {
				t.Fatal(err)
			}
			i++
		}
		var err error
		if c, err = l.Seal(now); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// reference is the root by the library's own in-memory tree.
func reference(t testing.TB, n int) tlog.Hash {
	t.Helper()
	var stored []tlog.Hash
	read := tlog.HashReaderFunc(func(ix []int64) ([]tlog.Hash, error) {
		out := make([]tlog.Hash, len(ix))
		for i, x := range ix {
			out[i] = stored[x]
		}
		return out, nil
	})
	for i := range n {
		hs, err := tlog.StoredHashes(int64(i), record(i), read)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, hs...)
	}
	root, err := tlog.TreeHash(int64(n), read)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func TestTheRootIsThatOfRFC6962WhateverTheSealsWere(t *testing.T) {
	for _, n := range []int{1, 2, 255, 256, 257, 513, 1000} {
		want := reference(t, n)
		for _, seal := range []int{1, 7, 256, 1000} {
			if n > 300 && seal == 1 {
				continue
			}
			dir := t.TempDir()
			if got := grow(t, open(t, dir, key(t)), n, seal).Root; got != want {
				t.Errorf("%d records in seals of %d: root %v, want %v", n, seal, got, want)
			}
			if r, err := evidence.Verify(dir, evidence.VerifyOptions{}); err != nil || r.Types["verdict"] != n {
				t.Errorf("%d records in seals of %d: %v, %v", n, seal, r.Types, err)
			}
		}
	}
}

func TestALedgerGoesOnWhereItWasClosed(t *testing.T) {
	dir, signer := t.TempDir(), key(t)
	for _, n := range []int{1, 100, 256, 300, 700} {
		l := open(t, dir, signer)
		if c := grow(t, l, n, 50); c.Root != reference(t, n) {
			t.Fatalf("%d records: wrong root", n)
		}
	}
}

func TestEveryRecordIsProvenAndNoOther(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, key(t))
	c := grow(t, l, 300, 300)
	for i := range 300 {
		p, err := l.Proof(uint64(i))
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Check(record(i), c.Root); err != nil {
			t.Errorf("record %d: %v", i, err)
		}
		if p.Check(record(i+1), c.Root) == nil {
			t.Errorf("record %d passes for record %d", i+1, i)
		}
	}
	if _, err := l.Proof(300); err == nil {
		t.Error("a record that is not there is proven")
	}
}

// files returns the files of a folder, by path.
func files(t testing.TB, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, p)
			out = append(out, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestNoByteOfTheEvidenceCanBeChangedUnnoticed(t *testing.T) {
	dir := t.TempDir()
	grow(t, open(t, dir, key(t)), 270, 90)
	work := make(chan [2]any)
	var wg sync.WaitGroup
	for range 2 {
		mine := t.TempDir()
		if err := os.CopyFS(mine, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			for w := range work {
				flip(t, mine, w[0].(string), w[1].(int))
			}
		})
	}
	for _, f := range files(t, dir) {
		info, err := os.Stat(filepath.Join(dir, f))
		if err != nil {
			t.Fatal(err)
		}
		for at := range info.Size() {
			work <- [2]any{f, int(at)}
		}
	}
	close(work)
	wg.Wait()
}

// flip changes one byte and wants it to be found and its place to be named.
func flip(t *testing.T, dir, file string, at int) {
	path := filepath.Join(dir, file)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Error(err)
		return
	}
	bit := byte(1) << (at % 8)
	b[at] ^= bit
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Error(err)
	}
	_, err = evidence.Verify(dir, evidence.VerifyOptions{})
	b[at] ^= bit
	if werr := os.WriteFile(path, b, 0o600); werr != nil {
		t.Error(werr)
	}
	if err == nil {
		t.Errorf("%s: byte %d can be changed", file, at)
	} else if !names(err.Error(), file) {
		t.Errorf("%s: byte %d: the error does not say where: %v", file, at, err)
	}
}

func names(message, file string) bool {
	return strings.Contains(message, filepath.ToSlash(file)) || strings.Contains(message, "record ") ||
		(file == "key.pub" && strings.Contains(message, "checkpoint")) || strings.Contains(message, "checkpoint")
}

func TestAFileMissingAddedCutOrGrownIsFound(t *testing.T) {
	signer := key(t)
	for name, harm := range map[string]func(dir, file string) error{
		"missing": func(dir, file string) error { return os.Remove(filepath.Join(dir, file)) },
		"cut":     func(dir, file string) error { return os.Truncate(filepath.Join(dir, file), 5) },
		"emptied": func(dir, file string) error { return os.Truncate(filepath.Join(dir, file), 0) },
		"grown": func(dir, file string) error {
			f, err := os.OpenFile(filepath.Join(dir, file), os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteString("x")
			return err
		},
		"accompanied": func(dir, file string) error {
			return os.WriteFile(filepath.Join(dir, file+".bak"), []byte("x"), 0o600)
		},
	} {
		base := t.TempDir()
		grow(t, open(t, base, signer), 300, 300)
		for _, f := range files(t, base) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(base)); err != nil {
				t.Fatal(err)
			}
			if err := harm(dir, f); err != nil {
				t.Fatal(err)
			}
			if _, err := evidence.Verify(dir, evidence.VerifyOptions{}); err == nil {
				t.Errorf("%s %s: not found", f, name)
			}
		}
	}
}

func TestALedgerThatWasCutOrRewrittenDoesNotGrowFromAnOldCheckpoint(t *testing.T) {
	signer := key(t)
	honest := t.TempDir()
	l := open(t, honest, signer)
	old := grow(t, l, 200, 200)
	grow(t, l, 300, 100)
	if r, err := evidence.Verify(honest, evidence.VerifyOptions{OldCheckpoint: old.Note}); err != nil || r.Grown != 200 {
		t.Errorf("an honest ledger: %v, %v", r.Grown, err)
	}
	shorter := t.TempDir()
	grow(t, open(t, shorter, signer), 100, 100)
	other := t.TempDir()
	lo := open(t, other, signer)
	if err := lo.Append([]byte(`{"type":"forged"}`)); err != nil {
		t.Fatal(err)
	}
	grow(t, lo, 300, 300)
	for dir, want := range map[string]string{shorter: "cut off", other: "rewritten"} {
		_, err := evidence.Verify(dir, evidence.VerifyOptions{OldCheckpoint: old.Note})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestAnotherKeyThanTheAuditorsIsRefused(t *testing.T) {
	dir := t.TempDir()
	grow(t, open(t, dir, key(t)), 10, 10)
	_, other, err := evidence.NewKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := evidence.Verify(dir, evidence.VerifyOptions{VerifierKey: other}); err == nil {
		t.Error("the folder's own key was taken instead")
	}
}

func TestALedgerWhoseEdgeWasChangedIsNotContinued(t *testing.T) {
	dir, signer := t.TempDir(), key(t)
	grow(t, open(t, dir, signer), 300, 300)
	path := filepath.Join(dir, "tile", "0", "001.p", "44")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[40] ^= 1
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := evidence.Open(dir, signer, origin); err == nil {
		t.Error("no error")
	}
}

// crashDir tells a child process to append to a ledger until it is killed.
const crashDir = "SIDEDOOR_TEST_LEDGER"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		signer, err := os.ReadFile(dir + ".key")
		if err != nil {
			panic(err)
		}
		l, err := evidence.Open(dir, string(signer), origin)
		if err != nil {
			fmt.Println("open:", err)
			os.Exit(1)
		}
		for i := int(l.Size()); ; {
			for range 1 + rand.IntN(40) {
				if err := l.Append(record(i)); err != nil {
					panic(err)
				}
				i++
			}
			c, err := l.Seal(now)
			if err != nil {
				panic(err)
			}
			fmt.Println("sealed", c.Size)
		}
	}
	os.Exit(m.Run())
}

func TestAProcessKilledAtAnyMomentLosesNothingSealed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	signer := key(t)
	if err := os.WriteFile(dir+".key", []byte(signer), 0o600); err != nil {
		t.Fatal(err)
	}
	sealed := uint64(0)
	for range 8 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), crashDir+"="+dir)
		var out strings.Builder
		cmd.Stdout = &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(20+rand.IntN(150)) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		for line := range strings.Lines(out.String()) {
			if !strings.HasSuffix(line, "\n") {
				continue
			}
			var n uint64
			if _, err := fmt.Sscanf(line, "sealed %d\n", &n); err != nil {
				t.Fatalf("the child says %q", line)
			}
			sealed = max(sealed, n)
		}
		l := open(t, dir, signer)
		if l.Size() < sealed {
			t.Fatalf("%d records were sealed, %d are left", sealed, l.Size())
		}
	}
	if sealed == 0 {
		t.Fatal("no child sealed anything")
	}
	l := open(t, dir, signer)
	n := int(l.Size()) + 10
	if c := grow(t, l, n, 10); c.Root != reference(t, n) {
		t.Error("the ledger goes on with another root")
	}
	if _, err := evidence.Verify(dir, evidence.VerifyOptions{}); err != nil {
		t.Error(err)
	}
}

func TestTheDrawIsThePublishedOne(t *testing.T) {
	ids := make([]string, 20)
	for i := range ids {
		ids[i] = fmt.Sprintf("ALR-2026-%06d", i+1)
	}
	got := evidence.Draw(ids, strings.Repeat("f", 64), "84120394857120394857", 5)
	want := "ALR-2026-000014 ALR-2026-000007 ALR-2026-000013 ALR-2026-000016 ALR-2026-000017"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
	if more := evidence.Draw(ids, strings.Repeat("f", 64), "84120394857120394857", 9); strings.Join(more[:5], " ") != want {
		t.Error("a larger sample does not begin with the smaller one")
	}
}

func FuzzVerifyReadsAnyCheckpoint(f *testing.F) {
	dir := f.TempDir()
	grow(f, open(f, dir, key(f)), 3, 3)
	good, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte("sidedoor/test\n99999999999\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		mine := t.TempDir()
		if err := os.CopyFS(mine, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(mine, "checkpoint"), b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := evidence.Verify(mine, evidence.VerifyOptions{}); err == nil && string(b) != string(good) {
			t.Error("a checkpoint that nobody signed verifies")
		}
	})
}

// An auditor verifies while the monitor runs: that the ledger grows meanwhile
// is no fault, and a proof under an older checkpoint can still be had.
func TestALedgerIsVerifiedWhileItGrows(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, key(t))
	old := grow(t, l, 100, 100)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := int(l.Size()); ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if err := l.Append(record(i)); err != nil {
				t.Error(err)
			}
			if _, err := l.Seal(now); err != nil {
				t.Error(err)
			}
			time.Sleep(30 * time.Millisecond)
		}
	}()
	for range 20 {
		if _, err := evidence.Verify(dir, evidence.VerifyOptions{OldCheckpoint: old.Note}); err != nil {
			t.Error(err)
		}
		p, err := evidence.ProofIn(dir, 42, old.Size)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Check(record(42), old.Root); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	<-done
}

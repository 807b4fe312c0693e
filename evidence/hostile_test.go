package evidence_test

import (
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sidedoor/evidence"
)

// sealed returns a folder with a ledger of n records, and its key.
func sealed(t *testing.T, n int) (dir, signer string) {
	t.Helper()
	dir, signer = filepath.Join(t.TempDir(), "ledger"), key(t)
	grow(t, open(t, dir, signer), n, n)
	return dir, signer
}

func wantFault(t *testing.T, dir, want string) {
	t.Helper()
	if _, err := evidence.VerifyAny(dir, evidence.VerifyOptions{}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

// The inputs and roots of the Certificate Transparency reference
// implementation, which every log of RFC 6962 is tested with.
func TestRootsAreTheKnownOnesOfCertificateTransparency(t *testing.T) {
	leaves := []string{
		"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
	}
	roots := []string{
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	}
	l := open(t, t.TempDir(), key(t))
	for i, leaf := range leaves {
		b, err := hex.DecodeString(leaf)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Append(b); err != nil {
			t.Fatal(err)
		}
		c, err := l.Seal(now)
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(c.Root[:]); got != roots[i] {
			t.Errorf("%d records: root %s, want %s", i+1, got, roots[i])
		}
	}
}

func TestALedgerThatLostItsCheckpointIsNotBegunAnew(t *testing.T) {
	dir, signer := sealed(t, 600)
	if err := os.Remove(filepath.Join(dir, "checkpoint")); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	if _, err := evidence.Open(dir, signer, origin); err == nil || !strings.Contains(err.Error(), "checkpoint is missing") {
		t.Errorf("got %v", err)
	}
	if after := files(t, dir); !slices.Equal(before, after) {
		t.Errorf("its records were removed: %v are left", after)
	}
	wantFault(t, dir, "checkpoint is missing")
	wantFault(t, filepath.Dir(dir), "checkpoint is missing")
}

// A checkpoint restored from a backup, without the tiles, must not make the
// ledger forget what came after it.
func TestACheckpointOlderThanItsTilesRemovesNone(t *testing.T) {
	dir, signer := filepath.Join(t.TempDir(), "ledger"), key(t)
	l := open(t, dir, signer)
	old := grow(t, l, 300, 300)
	grow(t, l, 900, 600)
	if err := os.WriteFile(filepath.Join(dir, "checkpoint"), old.Note, 0o600); err != nil {
		t.Fatal(err)
	}
	before := files(t, dir)
	if _, err := evidence.Open(dir, signer, origin); err == nil {
		t.Error("it is continued")
	}
	if after := files(t, dir); !slices.Equal(before, after) {
		t.Errorf("its records were removed: %v are left", after)
	}
}

func TestARecordAtTheEdgeThatWasChangedIsNotSealedAgain(t *testing.T) {
	for _, harm := range []func(b []byte) []byte{
		func(b []byte) []byte { b[10] ^= 1; return b },
		func(b []byte) []byte { return b[:len(b)-1] },
		func(b []byte) []byte { return append(b, 0, 0) },
		func(b []byte) []byte { return b[2+len(record(256)):] },
	} {
		dir, signer := sealed(t, 300)
		path := filepath.Join(dir, "tile", "entries", "001.p", "44")
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, harm(b), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := evidence.Open(dir, signer, origin); err == nil || !strings.Contains(err.Error(), "tile/entries/001.p/44") {
			t.Errorf("got %v", err)
		}
	}
}

func TestAFolderMayBeReachedByALink(t *testing.T) {
	dir, signer := sealed(t, 300)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if _, err := evidence.Verify(link, evidence.VerifyOptions{}); err != nil {
		t.Error(err)
	}
	stray := filepath.Join(dir, "tile", "0", "009")
	if err := os.WriteFile(stray, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	wantFault(t, link, "tile/0/009 does not belong")
	grow(t, open(t, link, signer), 310, 10)
	if _, err := os.Stat(stray); !errors.Is(err, fs.ErrNotExist) {
		t.Error("what a crash left is still there")
	}
	if _, err := evidence.Verify(link, evidence.VerifyOptions{}); err != nil {
		t.Error(err)
	}
}

// What the auditor is given may be made to hang, to exhaust or to fool the
// verifier.
func TestOnlyRegularFilesOfLikelySizeAreRead(t *testing.T) {
	for name, c := range map[string]struct {
		make func(path, elsewhere string) error
		want string
	}{
		"a pipe":   {func(p, _ string) error { return syscall.Mkfifo(p, 0o600) }, "is no regular file"},
		"a link":   {func(p, elsewhere string) error { return os.Symlink(elsewhere, p) }, "is no regular file"},
		"a huge":   {func(p, _ string) error { return errors.Join(os.WriteFile(p, nil, 0o600), os.Truncate(p, 1<<40)) }, "more than"},
		"a folder": {func(p, _ string) error { return os.Mkdir(p, 0o700) }, "is no regular file"},
	} {
		base, _ := sealed(t, 300)
		for _, f := range files(t, base) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(base)); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, f)
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			elsewhere := filepath.Join(t.TempDir(), "elsewhere")
			err = errors.Join(os.WriteFile(elsewhere, content, 0o600), os.Remove(path), c.make(path, elsewhere))
			if err != nil {
				t.Skip("not here:", err)
			}
			if _, err := evidence.Verify(dir, evidence.VerifyOptions{}); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), f) {
				t.Errorf("%s in place of %s: got %v", name, f, err)
			}
		}
	}
}

func TestWhatAFolderSaysDoesNotMoveTheCursor(t *testing.T) {
	const escape = "\x1b[2K\rverifies\u202e"
	dir, _ := sealed(t, 3)
	if err := os.WriteFile(filepath.Join(dir, escape), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := evidence.Verify(dir, evidence.VerifyOptions{})
	if err == nil || strings.ContainsAny(err.Error(), "\x1b\r\u202e") {
		t.Errorf("got %q", err)
	}
	other := t.TempDir()
	l := open(t, other, key(t))
	if err := l.Append([]byte(`{"type":"\u001b[2Kverdict"}`), []byte(`{"type":"`+strings.Repeat("x", 5000)+`"}`), []byte("no JSON")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Seal(now); err != nil {
		t.Fatal(err)
	}
	r, err := evidence.Verify(other, evidence.VerifyOptions{})
	if err != nil || r.Types["unknown"] != 3 || strings.Contains(r.String(), "\x1b") {
		t.Errorf("got %q, %v", r, err)
	}
}

func TestAFolderThatHoldsNoEvidenceIsSaidToBeNone(t *testing.T) {
	if _, err := evidence.VerifyAny(t.TempDir(), evidence.VerifyOptions{}); !errors.Is(err, evidence.ErrNoEvidence) {
		t.Errorf("got %v", err)
	}
}

// A busy monitor signs more often than a large ledger is read: what is
// verified is the ledger as it was when the verifier began.
func TestALedgerThatGrowsFasterThanItIsReadIsVerified(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, key(t))
	grow(t, l, 20_000, 20_000)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := int(l.Size()); ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(10 * time.Millisecond):
			}
			if err := l.Append(record(i)); err != nil {
				t.Error(err)
			}
			if _, err := l.Seal(now); err != nil {
				t.Error(err)
			}
		}
	}()
	for range 5 {
		if _, err := evidence.Verify(dir, evidence.VerifyOptions{}); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	<-done
}

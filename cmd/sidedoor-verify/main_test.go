package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sidedoor/evidence"
)

// ledger makes a data folder with a ledger of two seals, and returns the first
// checkpoint's file and the key.
func ledger(t *testing.T) (data, checkpoint, key string) {
	t.Helper()
	data = t.TempDir()
	signer, verifier, err := evidence.NewKey("sidedoor/test")
	if err != nil {
		t.Fatal(err)
	}
	l, err := evidence.Open(filepath.Join(data, "ledger"), signer, "sidedoor/test")
	if err != nil {
		t.Fatal(err)
	}
	checkpoint = filepath.Join(t.TempDir(), "kept")
	for i, record := range []string{`{"type":"verdict","id":"a.1"}`, `{"type":"alert","id":"b.1"}`} {
		if err := l.Append([]byte(record)); err != nil {
			t.Fatal(err)
		}
		c, err := l.Seal(time.Date(2026, 11, 20, 17, i, 0, 0, time.UTC))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := os.WriteFile(checkpoint, c.Note, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return data, checkpoint, verifier
}

// verify runs the program and returns its exit code and all that it says.
func verify(args ...string) (int, string) {
	var out bytes.Buffer
	return run(args, &out, &out), out.String()
}

func TestALedgerThatFitsIsExitCode0(t *testing.T) {
	data, checkpoint, key := ledger(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{data}, "The ledger verifies: 2 records."},
		{[]string{filepath.Join(data, "ledger")}, "found in the folder itself; compare it with the one that you keep"},
		{[]string{"-key", key, data}, ", as given."},
		{[]string{"-checkpoint", checkpoint, data}, "It grew from the checkpoint of 1 records"},
	} {
		if code, out := verify(c.args...); code != 0 || !strings.Contains(out, c.want) {
			t.Errorf("%v: exit code %d, want 0 and %q:\n%s", c.args, code, c.want, out)
		}
	}
}

func TestALedgerThatDoesNotFitIsExitCode1AndTheFaultIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		harm func(ledger string) error
		want string
	}{
		"a record changed": {func(d string) error {
			return os.WriteFile(filepath.Join(d, "tile/entries/000.p/2"), []byte("\x00\x1d"+`{"type":"verdict","id":"x.1"}`+"\x00\x1b"+`{"type":"alert","id":"b.1"}`), 0o600)
		}, `record 0 (verdict "x.1") is not what was sealed`},
		"no checkpoint": {func(d string) error { return os.Remove(filepath.Join(d, "checkpoint")) }, "checkpoint is missing"},
		"no key":        {func(d string) error { return os.Remove(filepath.Join(d, "key.pub")) }, "key.pub is missing"},
		"all gone":      {func(d string) error { return os.RemoveAll(filepath.Join(d, "tile")) }, "tile/entries/000.p/2 is missing"},
	} {
		data, _, _ := ledger(t)
		if err := c.harm(filepath.Join(data, "ledger")); err != nil {
			t.Fatal(err)
		}
		if code, out := verify(data); code != 1 || !strings.Contains(out, "does not verify: ") || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit code %d, want 1 and %q:\n%s", name, code, c.want, out)
		}
	}
}

func TestAKeyOrACheckpointThatIsNotTheLedgersIsExitCode1(t *testing.T) {
	data, _, _ := ledger(t)
	_, checkpoint, key := ledger(t)
	for _, args := range [][]string{{"-key", key, data}, {"-checkpoint", checkpoint, data}} {
		if code, out := verify(args...); code != 1 {
			t.Errorf("%v: exit code %d, want 1:\n%s", args, code, out)
		}
	}
}

func TestWhatCannotBeCheckedIsExitCode2(t *testing.T) {
	data, _, _ := ledger(t)
	for _, args := range [][]string{
		{}, {data, data}, {"-unknown", data}, {filepath.Join(data, "nowhere")}, {filepath.Join(data, "ledger", "checkpoint")},
		{"-checkpoint", filepath.Join(data, "nowhere"), data}, {t.TempDir()},
	} {
		if code, out := verify(args...); code != 2 {
			t.Errorf("%v: exit code %d, want 2:\n%s", args, code, out)
		}
	}
}

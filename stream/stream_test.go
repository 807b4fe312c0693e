package stream_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/stream"
)

var received = time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)

// patience is how long a test waits for what must come. It decides nothing but
// when a broken test gives up.
const patience = 60 * time.Second

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// testLog shows the warnings of a test that fails.
func testLog(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}

func config(t testing.TB, dir string) stream.Config {
	return stream.Config{Dir: dir, AckWait: 500 * time.Millisecond, Logger: testLog(t)}
}

func open(t testing.TB, dir string) *stream.Stream {
	t.Helper()
	s, err := stream.Open(within(t), config(t, dir))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, s) })
	return s
}

func shut(t testing.TB, s *stream.Stream) {
	t.Helper()
	if err := s.Close(context.Background()); err != nil {
		t.Errorf("close: %v", err)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// batch makes a batch of one event.
func batch(source, id string) event.Batch {
	raw := []byte(fmt.Sprintf(`{"eventID":%q}`, id))
	return event.Batch{
		Envelope: event.Envelope{
			Source: source, Product: "aws", Service: "cloudtrail", Scope: "111122223333",
			Origin: "a b/ü\n.json", Received: received, Digest: event.DigestOf(raw),
		},
		Events: []event.Event{{ID: id, Occurred: received, Original: event.DigestOf(raw), Raw: raw}},
	}
}

// matchAll matches each event of a batch as an act.
func matchAll(b event.Batch) ([]event.Match, []event.Dead) {
	var matches []event.Match
	for i := range b.Events {
		matches = append(matches, event.Match{
			Rule: event.RuleRef{ID: "r-1", Name: "rule"}, Event: b.Ref(i), Act: &event.Act{Resource: b.Events[i].ID},
		})
	}
	return matches, nil
}

// inputs lists what is on MATCHES: the resources of acts, and marks.
func inputs(t testing.TB, s *stream.Stream) []string {
	t.Helper()
	var all []string
	must(t, s.Inputs(within(t), 0, func(_ uint64, in event.Input) error {
		all = append(all, describe(in))
		return nil
	}))
	return all
}

func describe(in event.Input) string {
	switch {
	case in.Match != nil && in.Match.Act != nil:
		return "act " + in.Match.Act.Resource
	case in.Mark != nil:
		return "mark " + in.Mark.Source + " " + in.Mark.Through.Format("15:04:05")
	case in.Timer != nil:
		return "timer " + in.Timer.Match
	case in.Policy != nil:
		return "policy " + in.Policy.Version
	}
	return "?"
}

// eventually waits until is holds.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for ctx := within(t); !is(); {
		select {
		case <-ctx.Done():
			t.Fatal("never came: " + what)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// background runs a stage; stop ends it and fails the test if it failed.
func background(t testing.TB, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stopped := false
	stop = func() {
		t.Helper()
		if stopped {
			return
		}
		stopped = true
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("stage: %v", err)
			}
		case <-time.After(patience):
			t.Error("stage does not stop")
		}
	}
	t.Cleanup(stop)
	return stop
}

// arrived counts the batches and the repeats on EVENTS.
func arrived(t *testing.T, s *stream.Stream) (batches, repeats int) {
	t.Helper()
	must(t, s.ReadArrivals(within(t), 0, func(a stream.Arrival) error {
		switch {
		case a.Batch != nil:
			batches++
		case a.Repeat != nil:
			repeats++
		}
		return nil
	}))
	return batches, repeats
}

func TestABatchIsStoredOnceHoweverOftenAndLateItComes(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	b := batch("trail", "e-1")
	for range 3 {
		must(t, s.PublishBatch(within(t), b))
	}
	again := b
	again.Received, again.Origin = b.Received.Add(time.Hour), "elsewhere"
	must(t, s.PublishBatch(within(t), again))
	shut(t, s)

	s = open(t, dir)
	must(t, s.PublishBatch(within(t), b))
	if batches, repeats := arrived(t, s); batches != 1 || repeats != 4 {
		t.Errorf("stored %d batches and %d repeats, want 1 and 4", batches, repeats)
	}
	got, err := s.Batch(within(t), "trail", b.ID().String())
	must(t, err)
	if got.Origin != b.Origin || !got.Received.Equal(b.Received) || string(got.Events[0].Raw) != string(b.Events[0].Raw) {
		t.Errorf("came back as %+v", got)
	}
	if _, err := s.Batch(within(t), "trail", event.DigestOf(nil).String()); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("a batch that never was: %v", err)
	}
}

func position(t testing.TB, s *stream.Stream, name string) (found stream.Position) {
	t.Helper()
	eventually(t, "position of "+name, func() bool {
		// A cluster that chooses a leader does not answer: ask again.
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		all, err := s.Positions(ctx)
		for _, p := range all {
			if p.Stream == name {
				found = p
			}
		}
		return err == nil && found.Stream != ""
	})
	return found
}

func TestABatchOfTheBoundInBytesFitsAndALargerOneIsRefused(t *testing.T) {
	s := open(t, t.TempDir())
	b := batch("trail", "large")
	b.Events[0].Raw = make([]byte, 8<<20)
	must(t, s.PublishBatch(within(t), b))
	got, err := s.Batch(within(t), "trail", b.ID().String())
	if err != nil || len(got.Events[0].Raw) != 8<<20 {
		t.Errorf("came back with %v", err)
	}
	b = batch("trail", "larger")
	b.Events[0].Raw = make([]byte, 17<<20)
	if err := s.PublishBatch(within(t), b); !errors.Is(err, stream.ErrTooLarge) {
		t.Errorf("a batch beyond the payload: %v", err)
	}
}

func TestASourceThatCannotBeASubjectIsRefused(t *testing.T) {
	s := open(t, t.TempDir())
	for _, source := range []string{"", "a.b", "*", ">", "a b", "a\nb", strings.Repeat("x", 5000)} {
		if err := s.PublishBatch(within(t), batch(source, "e")); err == nil {
			t.Errorf("batch of source %.20q is taken", source)
		}
		if err := s.PublishMark(within(t), event.Mark{Source: source}); err == nil {
			t.Errorf("mark of source %.20q is taken", source)
		}
	}
}

func TestTheSamePolicyIsAnnouncedOnce(t *testing.T) {
	s := open(t, t.TempDir())
	p := event.Policy{Version: "v1", Loaded: received}
	must(t, s.PublishPolicy(within(t), p))
	must(t, s.PublishPolicy(within(t), p))
	p.Version = "v2"
	must(t, s.PublishPolicy(within(t), p))
	if got := fmt.Sprint(inputs(t, s)); got != "[policy v1 policy v2]" {
		t.Errorf("announced %s", got)
	}
}

func TestADeadLetterComesBackWithItsReasonWhateverItHolds(t *testing.T) {
	s := open(t, t.TempDir())
	d := event.Dead{
		Envelope: event.Envelope{Source: "no such\r\nsource", Received: received},
		Reason:   "line 3:\r\nNats-Rollup: all", Cause: "mal\nformed", Index: -1, Raw: make([]byte, event.MaxDead+1),
	}
	must(t, s.PublishDead(within(t), d))
	n := 0
	must(t, s.ReadDead(within(t), func(source, reason, cause string, stored time.Time, raw []byte) error {
		n++
		if source != d.Source || reason != d.Reason || cause != d.Cause || len(raw) != event.MaxDead || stored.IsZero() {
			t.Errorf("got %q %q %q %v, %d bytes", source, reason, cause, stored, len(raw))
		}
		return nil
	}))
	if n != 1 {
		t.Errorf("%d dead letters, want 1", n)
	}
}

func TestDeadLettersPushOutOnlyEachOther(t *testing.T) {
	cfg := config(t, t.TempDir())
	cfg.MaxDeadBytes = 1 << 20
	s, err := stream.Open(within(t), cfg)
	must(t, err)
	defer shut(t, s)
	must(t, s.PublishBatch(within(t), batch("trail", "e-1")))
	for i := range 40 {
		must(t, s.PublishDead(within(t), event.Dead{Envelope: event.Envelope{Source: "x"}, Reason: fmt.Sprint(i), Raw: make([]byte, event.MaxDead)}))
	}
	last := ""
	must(t, s.ReadDead(within(t), func(_, reason, _ string, _ time.Time, _ []byte) error { last = reason; return nil }))
	p := position(t, s, "DEAD")
	if last != "39" || p.Messages >= 40 || p.Bytes > 1<<20 {
		t.Errorf("the last is %q, of %d in %d bytes", last, p.Messages, p.Bytes)
	}
	if p := position(t, s, "EVENTS"); p.Messages != 1 {
		t.Errorf("%d batches, want 1", p.Messages)
	}
}

func TestBookmarksAndDocumentsComeBackAfterARestart(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	key := "/var/log/ü *>.json\n" + strings.Repeat("x", 5000)
	must(t, s.KeepBookmark(within(t), key, []byte("1")))
	must(t, s.KeepBookmark(within(t), key, []byte("2")))
	d, err := s.KeepDocument(within(t), []byte("rule"))
	must(t, err)
	again, err := s.KeepDocument(within(t), []byte("rule"))
	must(t, err)
	if d != event.DigestOf([]byte("rule")) || again != d {
		t.Errorf("digests %s and %s", d, again)
	}
	shut(t, s)

	s = open(t, dir)
	if v, found, err := s.Bookmark(within(t), key); err != nil || !found || string(v) != "2" {
		t.Errorf("bookmark %q, %v, %v", v, found, err)
	}
	if _, found, err := s.Bookmark(within(t), "other"); err != nil || found {
		t.Errorf("a bookmark that never was: %v, %v", found, err)
	}
	if v, err := s.Document(within(t), d); err != nil || string(v) != "rule" {
		t.Errorf("document %q, %v", v, err)
	}
	if _, err := s.Document(within(t), event.Digest{}); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("a document that never was: %v", err)
	}
}

func TestAFaultyConfigurationIsRefusedWithAllItsFaults(t *testing.T) {
	err := stream.Config{CredentialsFile: "x", Replicas: 2, MaxDeadBytes: 1, MaxPayload: 1, AckWait: 1}.Validate()
	for _, want := range []string{"data folder", "credentials-file", "2 replicas", "dead letters", "payload", "acknowledgement"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("says nothing of %q: %v", want, err)
		}
	}
	if err := (stream.Config{Dir: "x"}).Validate(); err != nil {
		t.Errorf("the zero configuration with a folder: %v", err)
	}
}

func TestTheDataFolderIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	open(t, dir)
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "lock"): 0o600, filepath.Join(dir, "sidedoor.sock"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, want mode %v (%v)", path, info, want, err)
		}
	}
}

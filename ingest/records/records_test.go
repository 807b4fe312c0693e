package records_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/ingesttest"
	"sidedoor/ingest/records"
)

func identify(raw []byte) (event.Event, error) {
	if bytes.Contains(raw, []byte("bad")) {
		return event.Event{}, errors.New("it is bad")
	}
	return event.Event{ID: string(raw), Raw: raw, Original: event.DigestOf(raw)}, nil
}

func read(content io.Reader, writing bool) (*ingesttest.Recorder, records.Result, error) {
	sink := &ingesttest.Recorder{}
	src := ingest.Source{Name: "trail", Product: "aws", Service: "cloudtrail"}
	in := sink.Intake(src, time.Now)
	r := records.Reader{Intake: in, Identify: records.One(identify), Writing: writing}
	result, err := r.Read(context.Background(), src.Envelope("the content", time.Now(), nil), content)
	return sink, result, err
}

func packed(s string) string {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write([]byte(s))
	z.Close()
	return out.String()
}

func TestAContentIsStoredOrADeadLetter(t *testing.T) {
	for _, c := range []struct {
		name, content string
		events        int
		dead          string // parts of the reasons, in order
		raw           string // of the last dead letter
	}{
		{"plain", `{"Records":[{"a":1},{"a":2}]}`, 2, "", ""},
		{"packed", packed(`{"Records":[{"a":1},{"a":2}]}`), 2, "", ""},
		{"packed in parts", packed("{\"a\":1}\n") + packed(`{"a":2}`), 2, "", ""},
		{"an empty list", `{"Records":[]}`, 0, "", ""},
		{"nothing", "", 0, "it is empty", ""},
		{"nothing, packed", packed(""), 0, "it is empty", ""},
		{"text", "hello", 0, "not a JSON object", "hello"},
		{"a bad record", `{"Records":[{"a":"bad"},{"a":2}]}`, 1, "record 0: it is bad", `{"a":"bad"}`},
		{"cut in a record", `{"Records":[{"a":1},{"a":`, 1, "ends inside a record", `{"a":`},
		{"cut between records", `{"Records":[{"a":1},`, 1, "before its array does", ""},
		{"packed and cut", packed(`{"Records":[{"a":1},{"a":2}]}`)[:30], 1, "the content:", ""},
		{"packed with more behind it", packed(`{"Records":[{"a":1}]}`) + "more bytes", 1, "gzip", ""},
		{"packed badly", "\x1f\x8b\x00\x00", 0, "gzip", "\x1f\x8b\x00\x00"},
	} {
		sink, result, err := read(strings.NewReader(c.content), false)
		if err != nil || len(sink.Events()) != c.events || result.Events != c.events {
			t.Errorf("%s: %d events, %+v, %v", c.name, len(sink.Events()), result, err)
		}
		var reasons []string
		for _, d := range sink.Dead() {
			reasons = append(reasons, d.Reason)
		}
		if got := strings.Join(reasons, "; "); (got == "") != (c.dead == "") || !strings.Contains(got, c.dead) {
			t.Errorf("%s: buried %q, want %q", c.name, got, c.dead)
		}
		if n := len(sink.Dead()); n > 0 && string(sink.Dead()[n-1].Raw) != c.raw && c.name != "packed and cut" {
			t.Errorf("%s: kept %q, want %q", c.name, sink.Dead()[n-1].Raw, c.raw)
		}
	}
}

func TestAContentThatCannotBeHadIsNoDeadLetter(t *testing.T) {
	away := errors.New("the connection is gone")
	for _, beginning := range []string{"", `{"Records":[{"a":1},{"a"`, packed(`{"Records":[{"a":1}]}`)[:20]} {
		sink, _, err := read(io.MultiReader(strings.NewReader(beginning), iotest.ErrReader(away)), false)
		if !errors.Is(err, away) || len(sink.Dead()) > 0 {
			t.Errorf("%q: %v, %d dead letters", beginning, err, len(sink.Dead()))
		}
	}
}

func TestAContentThatIsStillWrittenIsWaitedFor(t *testing.T) {
	for _, content := range []string{"", "\x1f", `{"Records":[{"a":1},{"a"`, packed(`{"Records":[]}`)[:20]} {
		if sink, _, err := read(strings.NewReader(content), true); !errors.Is(err, records.ErrEarly) || len(sink.Dead()) > 0 {
			t.Errorf("%q: %v, %d dead letters", content, err, len(sink.Dead()))
		}
	}
}

func TestAContentOfNothingButFaultsDoesNotFloodTheDeadLetters(t *testing.T) {
	sink, result, err := read(strings.NewReader(strings.Repeat(`{"bad":1}`+"\n", 5000)+`{"a":1}`), false)
	if err != nil || result.Events != 1 || len(sink.Dead()) != 1001 {
		t.Fatalf("%d events, %d dead letters, %v", result.Events, len(sink.Dead()), err)
	}
	if last := sink.Dead()[1000]; !strings.Contains(last.Reason, "4000 more records") {
		t.Errorf("the last says %q", last.Reason)
	}
}

func TestTheDigestIsThatOfTheUnpackedContent(t *testing.T) {
	plain := `{"Records":[{"a":1}]}` + fmt.Sprintln()
	for _, content := range []string{plain, packed(plain)} {
		if _, result, err := read(strings.NewReader(content), false); err != nil || result.Unpacked != event.DigestOf([]byte(plain)) {
			t.Errorf("%q: %s, %v", content, result.Unpacked, err)
		}
	}
}

package event_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
)

var occurred = time.Date(2026, 11, 16, 9, 0, 0, 123000, time.UTC)

func batch() event.Batch {
	raw := []byte(`{"eventID":"e-1"}`)
	return event.Batch{
		Envelope: event.Envelope{
			Source: "trail", Product: "aws", Service: "cloudtrail", Scope: "111122223333",
			Origin: "AWSLogs/a b\n\"c\"/ü.json.gz", Received: occurred.Add(time.Minute), Digest: event.DigestOf([]byte("whole")),
		},
		Events: []event.Event{
			{ID: "e-1", Occurred: occurred, Original: event.DigestOf(raw), Raw: raw},
			{Kind: "push", Index: 7, Original: event.DigestOf(nil), Raw: []byte{}},
		},
	}
}

func TestABatchComesBackFromItsHeadersAndPayloadUnchanged(t *testing.T) {
	b := batch()
	h := b.Header()
	for name, v := range h {
		if strings.ContainsAny(v, "\r\n") {
			t.Errorf("header %s holds a line break: %q", name, v)
		}
	}
	env, err := event.ParseEnvelope(func(name string) string { return h[name] })
	if err != nil {
		t.Fatal(err)
	}
	events, err := event.ParsePayload(b.Payload())
	if err != nil {
		t.Fatal(err)
	}
	if got := (event.Batch{Envelope: env, Events: events}); !reflect.DeepEqual(got, b) {
		t.Errorf("got  %+v\nwant %+v", got, b)
	}
}

func TestABatchIsTheSameWheneverAndByWhateverPathItArrives(t *testing.T) {
	a, b := batch(), batch()
	b.Received = b.Received.Add(time.Hour)
	b.Origin = "elsewhere"
	if a.ID() != b.ID() {
		t.Error("a repeated delivery has another identity")
	}
	b.Events[0].Original = event.DigestOf([]byte("other content"))
	if a.ID() == b.ID() {
		t.Error("another content under a known id has the same identity")
	}
}

func TestAnEventWithAKnownIDAndOtherContentIsAnotherEvent(t *testing.T) {
	b := batch()
	r := b.Ref(0)
	other := r
	other.Digest = event.DigestOf([]byte("forged"))
	if r.Key() == other.Key() {
		t.Error("a caller who chooses the id can hide an event")
	}
}

func TestAPayloadCutAnywhereIsAnErrorOrFewerEvents(t *testing.T) {
	b := batch()
	p := b.Payload()
	for n := range p {
		events, err := event.ParsePayload(p[:n])
		if err == nil && len(events) >= len(b.Events) {
			t.Fatalf("%d of %d bytes gave %d events and no error", n, len(p), len(events))
		}
	}
}

func TestARecordComesBackWithItsBody(t *testing.T) {
	v := event.Verdict{ID: "abc", Revision: 2, Verdict: event.ApprovedLate, Control: "CHG-03"}
	raw, err := event.VerdictRecord(v, occurred).Encode()
	if err != nil {
		t.Fatal(err)
	}
	r, err := event.ParseRecord(raw)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := r.Body.(*event.Verdict); !ok || !reflect.DeepEqual(*got, v) || r.ID != "abc.2" {
		t.Errorf("got %+v", r)
	}
	again, err := r.Encode()
	if err != nil || !bytes.Equal(again, raw) {
		t.Errorf("encoding again gives %s, %v; want %s", again, err, raw)
	}
}

func TestARecordTooLargeForTheLedgerIsRefused(t *testing.T) {
	v := event.Verdict{Reason: strings.Repeat("x", event.MaxRecord)}
	if _, err := event.VerdictRecord(v, occurred).Encode(); err == nil {
		t.Error("no error")
	}
}

func TestLevelsAreOrdered(t *testing.T) {
	levels := []event.Level{"", event.Informational, event.Low, event.Medium, event.High, event.Critical}
	for i, l := range levels {
		if l.Rank() != i {
			t.Errorf("%q has rank %d, want %d", l, l.Rank(), i)
		}
	}
}

func FuzzParsePayload(f *testing.F) {
	f.Add(batch().Payload())
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, p []byte) {
		events, err := event.ParsePayload(p)
		if err != nil {
			return
		}
		b := event.Batch{Events: events}
		back, err := event.ParsePayload(b.Payload())
		if err != nil || !reflect.DeepEqual(back, events) {
			t.Errorf("not stable: %v, %v", back, err)
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	raw, _ := event.VerdictRecord(event.Verdict{ID: "a"}, occurred).Encode()
	f.Add(raw)
	f.Add([]byte(`{"type":"later-kind","body":{"x":1}}`))
	f.Fuzz(func(t *testing.T, p []byte) {
		if r, err := event.ParseRecord(p); err == nil && r.Body == nil {
			t.Error("no error and no body")
		}
	})
}

func TestAnEnvelopeWithoutItsHeadersIsRefused(t *testing.T) {
	h := batch().Header()
	for _, missing := range []string{event.HeaderSource, event.HeaderReceived, event.HeaderDigest} {
		_, err := event.ParseEnvelope(func(name string) string {
			if name == missing {
				return ""
			}
			return h[name]
		})
		if err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("without %s: %v", missing, err)
		}
	}
}

func TestATimeInOurFutureIsNotBelieved(t *testing.T) {
	received := occurred.Add(time.Minute)
	for _, c := range []struct {
		name           string
		occurred, want time.Time
	}{
		{"said", occurred, occurred},
		{"not said", time.Time{}, received},
		{"a clock that is ahead", received.Add(time.Hour), received.Add(time.Hour)},
		{"years ahead", received.AddDate(500, 0, 0), received},
	} {
		if got := (event.Ref{Occurred: c.occurred, Received: received}).At(); !got.Equal(c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestAStarStandsForAnyRunOfCharacters(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "x", false}, {"x", "x", true}, {"x", "xy", false}, {"*", "", true}, {"*", "anything", true},
		{"a*", "ab", true}, {"a*", "ba", false}, {"*b", "ab", true}, {"*b", "ba", false}, {"a*c", "abc", true}, {"a*c", "ac", true},
		{"a*a", "a", false}, {"a*b*c", "a-b-b-c", true}, {"a*b*c", "a-c-b", false}, {"*ab*ab", "xabab", true}, {"*ab*ab", "xab", false},
	} {
		if got := event.Wildcard(c.pattern, c.s); got != c.want {
			t.Errorf("%q, %q: %v", c.pattern, c.s, got)
		}
	}
}

package stream_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"sidedoor/stream"
)

func TestASnapshotComesBackAndNotOneBitOfItCanChange(t *testing.T) {
	for _, state := range []string{"", "x", strings.Repeat("state", 1000)} {
		seq, got, err := stream.SnapshotRoundTrip(7, []byte(state))
		if err != nil || seq != 7 || string(got) != state {
			t.Errorf("%d bytes come back as %d, with %d, %v", len(state), len(got), seq, err)
		}
	}
	b := stream.EncodeSnapshot(7, []byte("state"))
	for i := range b {
		for bit := range 8 {
			spoilt := bytes.Clone(b)
			spoilt[i] ^= 1 << bit
			if stream.DecodeSnapshot(spoilt) == nil {
				t.Errorf("bit %d of byte %d can change", bit, i)
			}
		}
	}
}

func FuzzSnapshot(f *testing.F) {
	f.Add(stream.EncodeSnapshot(1, []byte("{}")))
	f.Add([]byte("sidedoor judge 1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if stream.DecodeSnapshot(b) == nil && !bytes.HasPrefix(b, []byte("sidedoor judge 1\n")) {
			t.Error("taken without its magic line")
		}
	})
}

func FuzzInput(f *testing.F) {
	f.Add([]byte(`{"mark":{"source":"github","through":"2026-11-16T09:00:00Z"}}`))
	f.Add([]byte(`{"match":{"act":{}},"timer":{}}`))
	f.Add([]byte(`{"match":{"parts":[{"type":"event_count","act":{}}]}}`))
	f.Add([]byte(`{"match":{"act":{},"approval":{},"parts":[{}]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		in, err := stream.ParseInput(b)
		if err == nil && describe(in) == "?" && in.Match == nil {
			t.Errorf("nothing is set: %s", b)
		}
		if err == nil && in.Match != nil && in.Match.Act == nil && in.Match.Approval == nil && len(in.Match.Parts) == 0 {
			t.Errorf("a match that means nothing: %s", b)
		}
	})
}

// FuzzSubject checks that whatever passes for a part of a subject is one for
// the server, and names nothing but itself.
func FuzzSubject(f *testing.F) {
	for _, s := range []string{"trail", "a.b", "", "*", ">", "a b", "é", "\xff", "a\u2028b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if stream.CheckTokens(s) != nil {
			return
		}
		if subject := "records.test." + s; !server.IsValidPublishSubject(subject) || len(subject) > 4096-512 {
			t.Errorf("%q is no subject", subject)
		}
	})
}

package cloudtrail_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/cloudtrail"
	"sidedoor/ingest/cloudtrail/trailtest"
	"sidedoor/ingest/ingesttest"
	"sidedoor/ingest/objects"
	"sidedoor/internal/testserver"
)

// nine is when the first digest file of the tests ends.
var nine = time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)

// morning is what a trail writes in three hours.
type morning struct {
	*trailtest.Trail
	logs    [3]trailtest.Object
	digests [3]trailtest.Object
	more    []trailtest.Object // that somebody else puts beside them
}

func newMorning(trail *trailtest.Trail) *morning {
	m := &morning{Trail: trail}
	for i := range m.logs {
		at := nine.Add(time.Duration(i) * time.Hour)
		m.logs[i] = trail.Log(at.Add(-30*time.Minute), trail.Record(fmt.Sprint("e", i+1), "CreateUser", at.Add(-40*time.Minute)))
		m.digests[i] = trail.Digest(at, m.logs[i])
	}
	return m
}

// trail runs a source over a bucket by a clock.
func trail(t *testing.T, sink *ingesttest.Recorder, cfg cloudtrail.Config, now time.Time) (stop func()) {
	t.Helper()
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	running, err := cfg.Open(sink.Intake(ingesttest.Source(&cfg, "trail", ""), func() time.Time { return now }))
	if err != nil {
		t.Fatal(err)
	}
	return ingesttest.Run(t, running.Run)
}

func keysOf(t *testing.T, trail *trailtest.Trail) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(path, trail.PublicKeys(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// told is proofs as lines, by their period.
func told(proofs []event.Proof) []string {
	var all []string
	for _, p := range proofs {
		all = append(all, fmt.Sprintf("%s-%s %s %s", p.From.Format("15:04"), p.To.Format("15:04"), p.Verdict, strings.Join(p.Faults, "; ")))
	}
	slices.Sort(all)
	return all
}

// The attacks change what is in the bucket after the first digest file was
// checked.
var attacks = []struct {
	name   string
	attack func(m *morning)
	want   []string // of the second and third hour; each the beginning, "…", and a part
}{
	{"nothing", func(*morning) {}, []string{"09:00-10:00 complete", "10:00-11:00 complete"}},
	{"a log file is deleted", func(m *morning) { m.logs[1].Body = nil },
		[]string{"09:00-10:00 missing …u000002.json.gz: it is gone", "10:00-11:00 complete"}},
	{"a log file is changed", func(m *morning) {
		m.logs[1].Body = trailtest.Pack([]byte(strings.ReplaceAll(string(trailtest.Unpack(m.logs[1].Body)), "CreateUser", "ListUsers1")))
	}, []string{"09:00-10:00 altered …u000002.json.gz: it is not what the trail wrote", "10:00-11:00 complete"}},
	{"a record is appended in a second packed part", func(m *morning) {
		m.logs[1].Body = append(m.logs[1].Body, trailtest.Pack([]byte(`{"Records":[]}`))...)
	}, []string{"09:00-10:00 altered …it is not what the trail wrote", "10:00-11:00 complete"}},
	{"bytes follow the packed digest file", func(m *morning) {
		m.digests[1].Body = append(m.digests[1].Body, "more"...)
	}, []string{"09:00-10:00 altered …4 bytes follow", "10:00-11:00 complete"}},
	{"a log file is taken out of the digest file", func(m *morning) {
		content, _, _ := strings.Cut(string(trailtest.Unpack(m.digests[1].Body)), `"logFiles":[`)
		m.digests[1].Body = trailtest.Pack([]byte(content + `"logFiles":[]}`))
	}, []string{"09:00-10:00 altered …its signature does not fit", "10:00-11:00 complete"}},
	{"a digest file is no digest file", func(m *morning) { m.digests[1].Body = []byte("{}") },
		[]string{"09:00-10:00 altered …gzip", "10:00-11:00 complete"}},
	{"the signature is taken away", func(m *morning) { m.digests[1].Metadata = nil },
		[]string{"09:00-10:00 altered …its signature is missing", "10:00-11:00 complete"}},
	{"the signature is of another file", func(m *morning) { m.digests[1].Metadata = m.digests[0].Metadata },
		[]string{"09:00-10:00 altered …its signature does not fit", "10:00-11:00 complete"}},
	{"the signature is by another algorithm", func(m *morning) {
		m.digests[1].Metadata["signature-algorithm"] = "none"
	}, []string{"09:00-10:00 altered …it is signed by \"none\"", "10:00-11:00 complete"}},
	{"a digest file is signed by a key of the attacker's", func(m *morning) {
		other := trailtest.New(m.Bucket, m.Account, m.Region)
		other.Prefix = m.Prefix
		m.digests[1] = other.Digest(nine.Add(time.Hour))
	}, []string{"09:00-10:00 altered …none of CloudTrail's", "10:00-11:00 complete"}},
	{"a digest file is deleted", func(m *morning) { m.digests[1].Body = nil },
		[]string{"09:00-10:00 missing …T100000Z.json.gz: it is gone", "10:00-11:00 complete"}},
	{"a digest file is put in another's place", func(m *morning) {
		m.digests[1].Body, m.digests[1].Metadata = m.digests[0].Body, m.digests[0].Metadata
	}, []string{"09:00-10:00 altered …it says that it is", "10:00-11:00 complete"}},
	{"the chain is begun anew after an hour without any", func(m *morning) {
		m.Restart()
		m.digests[1].Body, m.digests[2] = nil, m.Digest(nine.Add(2*time.Hour), m.logs[2])
	}, []string{"09:00-10:00 missing …begins anew", "10:00-11:00 complete"}},
	{"a digest file is replaced by another that is well signed", func(m *morning) {
		twin := m.Beside(m.Account, m.Region)
		twin.Prefix = m.Prefix
		d := twin.Digest(nine) // the same chain, but without its log file
		if d.Key != m.digests[0].Key {
			panic(d.Key)
		}
		m.digests[1] = twin.Digest(nine.Add(time.Hour))
	}, []string{"09:00-10:00 altered …has another hash than it says", "10:00-11:00 altered …has another hash than it says"}},
	{"the chain is begun anew within an hour", func(m *morning) {
		m.Restart()
		m.digests[1], m.digests[2] = m.Digest(nine.Add(time.Hour), m.logs[1]), m.Digest(nine.Add(2*time.Hour), m.logs[2])
	}, []string{"09:00-10:00 missing …begins anew", "10:00-11:00 complete"}},
	{"another trail of the same name proves that there was nothing", func(m *morning) {
		twin := m.Beside(m.Account, m.Region)
		twin.Home = "eu-central-1"
		m.logs[1].Body, m.more = nil, []trailtest.Object{twin.Digest(nine.Add(time.Hour))}
	}, []string{"09:00-10:00 complete", "09:00-10:00 missing …u000002.json.gz: it is gone", "10:00-11:00 complete"}},
	{"a file is put between the trail's", func(m *morning) { m.more = []trailtest.Object{m.fake("2026/11/16", "20261116T093000Z")} },
		[]string{"08:30-09:30 altered", "09:00-10:00 complete", "10:00-11:00 complete"}},
	{"a log file is said to be in another bucket", func(m *morning) { m.digests[2] = m.foreign() },
		[]string{"09:00-10:00 complete", "10:00-11:00 missing …it is in the bucket \"elsewhere\""}},
}

// foreign is the third digest file, which names a log file in another bucket.
func (m *morning) foreign() trailtest.Object {
	d := m.digests[2]
	content := strings.Replace(string(trailtest.Unpack(d.Body)), `"logFiles":[{"s3Bucket":"acme-trail"`, `"logFiles":[{"s3Bucket":"elsewhere"`, 1)
	d.Body = trailtest.Pack([]byte(content))
	previous := m.digests[1].Metadata["signature"]
	d.Metadata = map[string]string{
		"signature": m.Sign(nine.Add(2*time.Hour).Format(time.RFC3339), d.Key, []byte(content), &previous), "signature-algorithm": "SHA256withRSA",
	}
	return d
}

// fake is a file under a digest file's name that somebody else wrote, and of which
// the place is right.
func (m *morning) fake(day, at string) trailtest.Object {
	key := strings.NewReplacer("2026/11/16", day, "20261116T090000Z", at).Replace(m.digests[0].Key)
	content := strings.ReplaceAll(string(trailtest.Unpack(m.digests[0].Body)), m.digests[0].Key, key)
	return trailtest.Object{Key: key, Body: trailtest.Pack([]byte(content)), Metadata: m.digests[0].Metadata}
}

func TestEveryAttackOnATrailIsSeen(t *testing.T) {
	c := testserver.AWS(t)
	base := trailtest.New(c.Bucket, "111122223333", "eu-west-1")
	keys := keysOf(t, base)
	for i, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			mine := base.Beside(base.Account, base.Region)
			mine.Prefix = fmt.Sprintf("case-%d/", i)
			m := newMorning(mine)
			put := func(o trailtest.Object) {
				if o.Body != nil {
					c.Put(o.Key, o.Body, o.Metadata)
				}
			}
			cfg := cloudtrail.Config{Config: objects.Config{Bucket: c.Bucket, Prefix: mine.Prefix, Endpoint: c.Endpoint}, DigestKeys: keys}
			sink := &ingesttest.Recorder{}
			put(m.logs[0])
			put(m.digests[0])
			stop := trail(t, sink, cfg, nine.Add(5*time.Minute))
			eventually(t, "the first proof", func() bool { return len(sink.Proofs()) == 1 })
			stop()
			a.attack(m)
			for _, o := range slices.Concat(m.logs[1:], m.digests[1:], m.more) {
				put(o)
			}
			stop = trail(t, sink, cfg, nine.Add(125*time.Minute))
			eventually(t, "the other proofs", func() bool { return len(sink.Proofs()) > len(a.want) })
			stop()
			got := told(sink.Proofs())
			want := append([]string{"08:00-09:00 complete"}, a.want...)
			if !slices.EqualFunc(got, want, alike) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// alike says whether a line begins and goes on as it is wanted to.
func alike(got, want string) bool {
	begin, part, _ := strings.Cut(want, "…")
	return strings.HasPrefix(got, strings.TrimSpace(begin)) && strings.Contains(got, part)
}

func TestAFileThatWasNeverAnnouncedIsReadAndCounted(t *testing.T) {
	c := testserver.AWS(t)
	m := newMorning(trailtest.New(c.Bucket, "111122223333", "eu-west-1"))
	for _, o := range []trailtest.Object{m.logs[0], m.digests[0]} {
		c.Put(o.Key, o.Body, o.Metadata)
	}
	cfg := cloudtrail.Config{Config: objects.Config{Bucket: c.Bucket, Queue: c.Queue, Endpoint: c.Endpoint}, DigestKeys: keysOf(t, m.Trail)}
	sink := &ingesttest.Recorder{}
	stop := trail(t, sink, cfg, nine.Add(5*time.Minute))
	eventually(t, "a proof", func() bool { return len(sink.Proofs()) == 1 })
	stop()
	if p := sink.Proofs()[0]; p.Verdict != event.Complete || p.Recovered != 1 || p.Items != 1 || p.Part != "111122223333/eu-west-1/acme" {
		t.Errorf("got %+v", p)
	}
	if e := sink.Events(); len(e) != 1 || e[0].ID != "e1" {
		t.Errorf("stored %+v", e)
	}
}

func TestADigestFileThatDoesNotComeIsMissingAndOneThatComesLateIsNot(t *testing.T) {
	c := testserver.AWS(t)
	m := newMorning(trailtest.New(c.Bucket, "111122223333", "eu-west-1"))
	put := func(o trailtest.Object) { c.Put(o.Key, o.Body, o.Metadata) }
	cfg := cloudtrail.Config{Config: objects.Config{Bucket: c.Bucket, Endpoint: c.Endpoint}, DigestKeys: keysOf(t, m.Trail)}
	sink := &ingesttest.Recorder{}
	put(m.logs[0])
	put(m.digests[0])
	run := func(now time.Time, proofs int) {
		t.Helper()
		stop := trail(t, sink, cfg, now)
		eventually(t, fmt.Sprint(proofs, " proofs"), func() bool { return len(sink.Proofs()) >= proofs })
		stop()
	}
	run(nine.Add(time.Minute), 1)
	run(nine.Add(6*time.Hour), 2) // the hour to ten is overdue
	put(m.logs[1])
	put(m.logs[2])
	put(m.digests[2]) // and names the second, which is not there
	run(nine.Add(7*time.Hour), 4)
	put(m.digests[1])
	run(nine.Add(8*time.Hour), 5)
	want := []string{
		"08:00-09:00 complete", "09:00-10:00 complete", "09:00-10:00 missing …no digest file after", "09:00-10:00 missing …it is gone", "10:00-11:00 complete",
	}
	got := told(sink.Proofs())
	if len(got) < 5 || !slices.EqualFunc(got[:5], want, alike) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}

	// A trail that is at an end is told of for a week, and no longer.
	week := 7 * 24
	run(nine.Add(9*24*time.Hour), 3+week)
	n := len(sink.Proofs())
	o := m.Log(nine.Add(11*24*time.Hour), m.Record("later", "X", nine))
	c.Put(o.Key, o.Body, nil)
	stop := trail(t, sink, cfg, nine.Add(11*24*time.Hour))
	eventually(t, "the last event", func() bool {
		return slices.ContainsFunc(sink.Events(), func(e event.Event) bool { return e.ID == "later" })
	})
	stop()
	if got := len(sink.Proofs()); got != n {
		t.Errorf("%d proofs more of a trail that is at an end", got-n)
	}
}

func TestAKeyThatCannotBeAskedForProvesNothing(t *testing.T) {
	c := testserver.AWS(t) // which knows nothing of ListPublicKeys
	m := newMorning(trailtest.New(c.Bucket, "111122223333", "eu-west-1"))
	for _, o := range []trailtest.Object{m.logs[0], m.digests[0]} {
		c.Put(o.Key, o.Body, o.Metadata)
	}
	cfg := cloudtrail.Config{Config: objects.Config{Bucket: c.Bucket, Endpoint: c.Endpoint}}
	sink := &ingesttest.Recorder{}
	stop := trail(t, sink, cfg, nine.Add(5*time.Minute))
	eventually(t, "the event", func() bool { return len(sink.Events()) == 1 })
	time.Sleep(50 * time.Millisecond)
	stop()
	if p := sink.Proofs(); len(p) > 0 {
		t.Errorf("proven: %+v", p)
	}
}

package objects_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/ingesttest"
	"sidedoor/ingest/objects"
	"sidedoor/ingest/records"
	"sidedoor/internal/testserver"
)

// watched is a reader of a cloud.
type watched struct {
	*testserver.Cloud
	*ingesttest.Recorder
	reader *objects.Reader
	t      *testing.T
}

// identify reads {"id":"…"}.
func identify(raw []byte) (event.Event, error) {
	var r struct{ ID string }
	if err := json.Unmarshal(raw, &r); err != nil {
		return event.Event{}, err
	}
	if r.ID == "" {
		return event.Event{}, errors.New("it has no id")
	}
	return event.Event{ID: r.ID, Raw: raw, Original: event.DigestOf(raw), Occurred: time.Now().UTC()}, nil
}

func open(t *testing.T, c *testserver.Cloud, sink *ingesttest.Recorder, cfg objects.Config) *watched {
	t.Helper()
	folders := func(context.Context, *objects.Bucket) ([]string, error) { return []string{"logs/", "logs2/"}, nil }
	src := ingest.Source{Name: "trail", Product: "aws", Service: "cloudtrail", Lateness: time.Minute}
	cfg.Endpoint = cmp.Or(cfg.Endpoint, c.Endpoint)
	in := sink.Intake(src, time.Now)
	r, err := objects.Open(cfg, in, objects.Kind{
		Identify: records.One(identify), Dates: "2006/01/02/", Folders: folders,
		PassOver: func(key string) string {
			if strings.Contains(key, "Digest") {
				return "digest"
			}
			return ""
		},
		Message: func(ctx context.Context, m objects.Message) (time.Time, error) {
			e, err := identify(m.Detail)
			if err != nil {
				return time.Time{}, &objects.Unreadable{Reason: "no event: " + err.Error()}
			}
			return e.Occurred, in.Store(ctx, m.Envelope, []event.Event{e}, nil)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &watched{Cloud: c, Recorder: sink, reader: r, t: t}
}

// queued is a reader of the queue.
func queued(t *testing.T, c *testserver.Cloud, sink *ingesttest.Recorder) *watched {
	return open(t, c, sink, objects.Config{Queue: c.Queue, Bucket: c.Bucket, Prefix: "logs"})
}

func (w *watched) ids() []string {
	ids := []string{}
	for _, e := range w.Events() {
		ids = append(ids, e.ID)
	}
	slices.Sort(ids)
	return ids
}

func (w *watched) wait(want ...string) {
	w.t.Helper()
	eventually(w.t, fmt.Sprint(want), func() bool { return slices.Equal(w.ids(), want) })
}

func (w *watched) empty() {
	w.t.Helper()
	eventually(w.t, "an empty queue", func() bool { return w.Messages() == "0 visible, 0 in flight" })
}

// eventually waits until is holds. Its patience decides nothing but when a
// broken test gives up.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for give := time.Now().Add(time.Minute); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(give) {
			t.Fatal("never came: " + what)
		}
	}
}

// log is a log with a record for each ID.
func log(ids ...string) []byte {
	var all []string
	for _, id := range ids {
		all = append(all, fmt.Sprintf(`{"id":%q}`, id))
	}
	return []byte(`{"Records":[` + strings.Join(all, ",") + `]}`)
}

func packed(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

func TestObjectsAreReadHoweverTheyAreAnnounced(t *testing.T) {
	c := testserver.AWS(t)
	keys := []string{"logs/a b+c=ü.json.gz", "logs/2.json", "logs/3.json", "logs/4.json", "logs/5.json.gz"}
	for i, key := range keys {
		body := log(fmt.Sprint("e", i))
		if strings.HasSuffix(key, ".gz") {
			body = packed(body)
		}
		c.Put(key, body, nil)
	}
	c.Put("logs/Digest.json", []byte("{}"), nil)
	c.Send(c.Announced(keys[0], keys[1]))
	c.Send(c.Notified(c.Announced(keys[2])))
	c.Send(c.Notified(`{"s3Bucket":"acme-trail","s3ObjectKey":["` + keys[3] + `"]}`))
	c.Send(`{"version":"0","detail-type":"Object Created","source":"aws.s3","detail":{"bucket":{"name":"acme-trail"},"object":{"key":"` + keys[4] + `"}}}`)
	c.Send(`{"version":"0","detail-type":"AWS API Call via CloudTrail","source":"aws.iam","detail":{"id":"e5"}}`)
	c.Send(`{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"acme-trail"}`)
	c.Send(c.Notified("CloudTrail validation message."))
	c.Send(c.Announced("logs/Digest.json"))
	w := queued(t, c, &ingesttest.Recorder{})
	ingesttest.Run(t, w.reader.Run)
	w.wait("e0", "e1", "e2", "e3", "e4", "e5")
	w.empty()
	if dead := w.Dead(); len(dead) > 0 {
		t.Errorf("buried %q", dead[0].Reason)
	}
	for _, b := range w.Batches() {
		if b.Events[0].ID == "e0" && (b.Origin != "s3://acme-trail/"+keys[0] || b.Digest != event.DigestOf(packed(log("e0")))) {
			t.Errorf("the envelope is %+v", b.Envelope)
		}
	}
}

func TestWhatIsPoisonBecomesADeadLetterAndIsDeleted(t *testing.T) {
	c := testserver.AWS(t)
	c.CreateBucket("evil")
	c.Put("logs/text.gz", []byte("hello, I am no log"), nil)
	c.Put("logs/cut.gz", packed(log("e1"))[:25], nil)
	c.Put("logs/record.json", []byte(`{"Records":[{"id":"e2"},{"no":"id"}]}`), nil)
	c.Put("logs/empty.json", nil, nil)
	c.Put("elsewhere/a.json", log("e3"), nil)
	c.Put("logs-of-somebody-else/a.json", log("e4"), nil)
	bodies := map[string]string{ // to a part of the reason
		"hello": "no JSON object",
		`[1]`:   "no JSON object",
		`{"Records":[{"s3":{"bucket":{},"object":{}},"eventName":"ObjectCreated:Put"}]}`: "without its bucket",
		`{"detail-type":"Something else","detail":{}}`:                                   "no event: it has no id",
		c.Announced("logs/text.gz"):                                                      "not a JSON object",
		c.Announced("logs/cut.gz"):                                                       "logs/cut.gz",
		c.Announced("logs/record.json"):                                                  "record 1: it has no id",
		c.Announced("logs/empty.json"):                                                   "it is empty",
		c.Announced("elsewhere/a.json"):                                                  "could bring events of their own",
		c.Announced("logs-of-somebody-else/a.json"):                                      "could bring events of their own",
		strings.ReplaceAll(c.Announced("logs/a.json"), "acme-trail", "evil"):             "s3://evil/logs/a.json is announced",
	}
	for body := range bodies {
		c.Send(body)
	}
	w := queued(t, c, &ingesttest.Recorder{})
	ingesttest.Run(t, w.reader.Run)
	w.wait("e2")
	w.empty()
	dead := w.Dead()
	for body, want := range bodies {
		if !slices.ContainsFunc(dead, func(d event.Dead) bool { return strings.Contains(d.Reason, want) && d.Cause != "" }) {
			t.Errorf("no dead letter says %q of %s", want, body)
		}
	}
	if len(dead) != len(bodies) {
		t.Errorf("%d dead letters for %d messages", len(dead), len(bodies))
	}
	if i := slices.IndexFunc(dead, func(d event.Dead) bool { return strings.Contains(d.Origin, "text.gz") }); string(dead[i].Raw) != "hello, I am no log" {
		t.Errorf("kept %q", dead[i].Raw)
	}
}

func TestAnObjectThatIsNotThereIsWaitedForAndThenADeadLetter(t *testing.T) {
	c := testserver.AWS(t)
	c.Send(c.Announced("logs/late.json"))
	c.Send(c.Announced("logs/never.json"))
	w := queued(t, c, &ingesttest.Recorder{})
	w.reader.Hurry(time.Minute, time.Second)
	ingesttest.Run(t, w.reader.Run)
	eventually(t, "both were looked for", func() bool { return c.Messages() == "0 visible, 2 in flight" })
	c.Put("logs/late.json", log("e1"), nil)
	eventually(t, "a dead letter", func() bool { c.Queues.Advance(20 * time.Second); return len(w.Dead()) > 0 })
	w.empty()
	w.wait("e1")
	if d := w.Dead()[0]; len(w.Dead()) != 1 || d.Cause != "gone" || !strings.Contains(d.Reason, "logs/never.json") {
		t.Errorf("buried %+v", d)
	}
}

func TestNothingIsDeletedWhileTheStreamTakesNothing(t *testing.T) {
	c := testserver.AWS(t)
	c.Put("logs/a.json", log("e1"), nil)
	c.Send(c.Announced("logs/a.json"))
	sink := &ingesttest.Recorder{}
	sink.FailWith(errors.New("the stream is full"))
	w := queued(t, c, sink)
	w.reader.Hurry(time.Minute, time.Second)
	ingesttest.Run(t, w.reader.Run)
	eventually(t, "it was tried", func() bool { return c.Messages() == "0 visible, 1 in flight" })
	sink.FailWith(nil)
	eventually(t, "it was stored", func() bool { c.Queues.Advance(10 * time.Second); return len(w.ids()) == 1 })
	w.empty()
}

// forgetful has bookmarks that keep nothing.
type forgetful struct{ *ingesttest.Recorder }

func (forgetful) KeepBookmark(context.Context, string, []byte) error {
	return errors.New("killed")
}

func TestAMessageWhoseEventsWereStoredBeforeItWasDeletedChangesNothing(t *testing.T) {
	c, sink := testserver.AWS(t), &ingesttest.Recorder{}
	c.Put("logs/a.json", log("e1", "e2"), nil)
	c.Send(c.Announced("logs/a.json"))
	first := queued(t, c, sink)
	first.reader.Bookmarks = forgetful{sink}
	stop := ingesttest.Run(t, first.reader.Run)
	first.wait("e1", "e2")
	stop()
	if got := c.Messages(); got == "0 visible, 0 in flight" {
		t.Fatal("the message was deleted")
	}
	c.Queues.Advance(time.Hour)
	w := queued(t, c, sink)
	ingesttest.Run(t, w.reader.Run)
	w.empty()
	w.wait("e1", "e2")
	c.Send(c.Announced("logs/a.json")) // and once more, now that it is remembered
	w.empty()
	w.wait("e1", "e2")
}

// slow is a sink that takes its time.
type slow struct {
	*ingesttest.Recorder
	until chan struct{}
}

func (s slow) PublishBatch(ctx context.Context, b event.Batch) error {
	select {
	case <-s.until:
		return s.Recorder.PublishBatch(ctx, b)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestAMessageStaysInvisibleWhileItIsWorkedOn(t *testing.T) {
	c := testserver.AWS(t)
	c.Put("logs/a.json", log("e1"), nil)
	c.Send(c.Announced("logs/a.json"))
	w := queued(t, c, &ingesttest.Recorder{})
	sink := slow{w.Recorder, make(chan struct{})}
	w.reader.Sink = sink
	w.reader.Hurry(3*time.Second, time.Second)
	ingesttest.Run(t, w.reader.Run)
	eventually(t, "it is worked on", func() bool { return c.Messages() == "0 visible, 1 in flight" })
	for range 4 { // far beyond the first timeout, if nobody extends it
		time.Sleep(1500 * time.Millisecond)
		c.Queues.Advance(1200 * time.Millisecond)
		if got := c.Messages(); got != "0 visible, 1 in flight" {
			t.Fatalf("%s while it is worked on", got)
		}
	}
	close(sink.until)
	w.wait("e1")
	w.empty()
}

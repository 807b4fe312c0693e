package objects_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/ingesttest"
	"sidedoor/ingest/objects"
	"sidedoor/internal/testserver"
)

// listing is a reader that lists the bucket.
func listing(t *testing.T, c *testserver.Cloud, sink *ingesttest.Recorder) *watched {
	return open(t, c, sink, objects.Config{Bucket: c.Bucket, Prefix: "logs/", Every: time.Second})
}

// day is where the objects of a day are.
func day(days int) string { return time.Now().UTC().AddDate(0, 0, days).Format("logs/2006/01/02/") }

func TestABucketIsListedAndEachObjectIsReadOnce(t *testing.T) {
	c, sink := testserver.AWS(t), &ingesttest.Recorder{}
	c.Put(day(-9)+"old.json", log("old"), nil) // for a back-fill
	c.Put(day(-1)+"a.json.gz", packed(log("e1", "e2")), nil)
	c.Put(day(0)+"b.json", log("e3"), nil)
	c.Put(day(0)+"Digest.json", log("digest"), nil)
	c.Put("elsewhere/c.json", log("elsewhere"), nil)
	w := listing(t, c, sink)
	stop := ingesttest.Run(t, w.reader.Run)
	w.wait("e1", "e2", "e3")
	c.Put(day(-1)+"0-late.json", log("e4"), nil) // sorted before what was read
	w.wait("e1", "e2", "e3", "e4")
	stop()

	c.Put(day(0)+"d.json", log("e5"), nil)
	again := listing(t, c, sink)
	read := len(sink.Batches())
	ingesttest.Run(t, again.reader.Run)
	again.wait("e1", "e2", "e3", "e4", "e5")
	if got := len(sink.Batches()) - read; got != 1 {
		t.Errorf("%d batches were stored after it was started again", got)
	}
	c.Put(day(0)+"d.json", log("e6"), nil) // other content under the same key
	again.wait("e1", "e2", "e3", "e4", "e5", "e6")
}

func TestABucketIsReadAgainFromWhereTheStreamTookNothing(t *testing.T) {
	c, sink := testserver.AWS(t), &ingesttest.Recorder{}
	for i := range 20 {
		c.Put(fmt.Sprint(day(0), i, ".json"), log(fmt.Sprintf("e%02d", i)), nil)
	}
	sink.FailWith(errors.New("the stream is full"))
	w := listing(t, c, sink)
	ingesttest.Run(t, w.reader.Run)
	time.Sleep(100 * time.Millisecond) // whatever it does meanwhile, it is not stored
	sink.FailWith(nil)
	eventually(t, "all of it", func() bool { return len(w.ids()) == 20 })
}

func TestALargeObjectIsReadInBoundedParts(t *testing.T) {
	c := testserver.AWS(t)
	var ids []string
	for i := range 3_000 {
		ids = append(ids, fmt.Sprintf("%04d-%s", i, strings.Repeat("x", 2000)))
	}
	body := log(ids...) // 6 MB, more than is held at once
	c.Put(day(0)+"a.json", body, nil)
	w := listing(t, c, &ingesttest.Recorder{})
	ingesttest.Run(t, w.reader.Run)
	eventually(t, "all of it", func() bool { return len(w.Events()) == len(ids) })
	b := w.Batches()[0]
	if len(b.Events) > 500 || b.Digest != event.DigestOf(body) {
		t.Errorf("a batch of %d events of %s", len(b.Events), b.Digest.Short())
	}
}

func TestWhatWasReadIsRemembered(t *testing.T) {
	c, sink := testserver.AWS(t), &ingesttest.Recorder{}
	w := listing(t, c, sink)
	key := day(0) + "a.json.gz"
	if _, known, err := w.reader.Unpacked(t.Context(), key); known || err != nil {
		t.Errorf("known before it was read: %v, %v", known, err)
	}
	if _, err := w.reader.Read(t.Context(), key); !errors.Is(err, objects.ErrGone) {
		t.Errorf("an object that is not there: %v", err)
	}
	if _, err := w.reader.Read(t.Context(), "elsewhere/a.json"); !errors.Is(err, objects.ErrForeign) {
		t.Errorf("an object elsewhere: %v", err)
	}
	c.Put(key, packed(log("e1")), nil)
	first, err := w.reader.Read(t.Context(), key)
	if err != nil || first.Known || first.Events != 1 || first.Unpacked != event.DigestOf(log("e1")) {
		t.Errorf("read %+v, %v", first, err)
	}
	second, err := w.reader.Read(t.Context(), key)
	if err != nil || !second.Known || second.Unpacked != first.Unpacked {
		t.Errorf("read again %+v, %v", second, err)
	}
	if d, known, err := w.reader.Unpacked(t.Context(), key); !known || err != nil || d != first.Unpacked {
		t.Errorf("remembered %s, %v, %v", d, known, err)
	}
}

func TestAnObjectThatIsRefusedHoldsUpNoOtherFolder(t *testing.T) {
	c, sink := testserver.AWS(t), &ingesttest.Recorder{}
	c.Put(day(0)+"refused.json", log("e1"), nil)
	c.Put(day(0)+"other.json", log("e2"), nil)
	c.Put(strings.Replace(day(0), "logs/", "logs2/", 1)+"a.json", log("e3"), nil)
	var allowed atomic.Bool
	endpoint := c.Refusing(func(r *http.Request) bool { return strings.Contains(r.URL.Path, "refused") && !allowed.Load() })
	w := open(t, c, sink, objects.Config{Bucket: c.Bucket, Every: time.Second, Endpoint: endpoint})
	ingesttest.Run(t, w.reader.Run)
	w.wait("e2", "e3")
	allowed.Store(true)
	w.wait("e1", "e2", "e3")
}

func TestAListingByAClockThatWasAheadHidesNothing(t *testing.T) {
	c, sink := testserver.AWS(t), &ingesttest.Recorder{}
	key := fmt.Sprintf("trail listing s3://%s/logs/", c.Bucket)
	if err := sink.KeepBookmark(t.Context(), key, []byte(time.Now().AddDate(4, 0, 0).UTC().Format(time.RFC3339))); err != nil {
		t.Fatal(err)
	}
	c.Put(day(0)+"a.json", log("e1"), nil)
	w := listing(t, c, sink)
	ingesttest.Run(t, w.reader.Run)
	w.wait("e1")
}

func TestAnObjectOfNoUsableLengthIsNotTakenForAnEmptyOne(t *testing.T) {
	c, sink := testserver.AWS(t), &ingesttest.Recorder{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "huge.json") {
			w.Header().Set("Content-Length", fmt.Sprint(int64(9)<<30))
		}
		if strings.HasSuffix(r.URL.Path, "breaks.json") { // and its server knows no ranges
			w.Header().Set("Content-Length", "1000")
		}
		_, _ = w.Write(log("e1"))
		w.(http.Flusher).Flush()
	}))
	defer server.Close()
	w := open(t, c, sink, objects.Config{Bucket: c.Bucket, Endpoint: server.URL})
	if _, err := w.reader.Read(t.Context(), "unknown.json"); err == nil || !strings.Contains(err.Error(), "how long it is") {
		t.Errorf("of no length: %v", err)
	}
	if _, err := w.reader.Read(t.Context(), "breaks.json"); err == nil || !strings.Contains(err.Error(), "all of it is answered") {
		t.Errorf("from its beginning again: %v", err)
	}
	if len(sink.Dead()) > 0 || len(sink.Events()) > 0 {
		t.Errorf("of no length: %d dead letters, %d events", len(sink.Dead()), len(sink.Events()))
	}
	if got, err := w.reader.Read(t.Context(), "huge.json"); err != nil || got.Dead != 1 {
		t.Errorf("too long: %+v, %v", got, err)
	}
	if d := sink.Dead(); len(d) != 1 || d[0].Cause != "oversized" {
		t.Errorf("too long: %+v", d)
	}
	if got, err := w.reader.Read(t.Context(), "huge.json"); err != nil || !got.Known {
		t.Errorf("too long, again: %+v, %v", got, err)
	}
}

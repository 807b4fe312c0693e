package auditlog_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sidedoor/ingest"
	"sidedoor/ingest/github/auditlog"
	"sidedoor/ingest/ingesttest"
	"sidedoor/ingest/objects"
	"sidedoor/internal/testserver"
)

const lines = `{"@timestamp":1794819600000,"_document_id":"d1","action":"repo.destroy","actor":"alice"}` + "\n" +
	`{"@timestamp":1794819601000,"_document_id":"d2","action":"org.add_member","actor":"bob"}` + "\n"

func TestWhatGitHubStreamsToABucketIsRead(t *testing.T) {
	c := testserver.AWS(t)
	now := time.Now().UTC()
	key := "audit/" + now.Format("2006/01/15/04") + "/5b0e2f0c.json.gz" // as documented, without a day
	c.Put(key, packed(lines), nil)
	c.Put("audit/_check", []byte("can it be written?"), nil)
	for name, cfg := range map[string]objects.Config{
		"announced": {Queue: c.Queue, Bucket: c.Bucket, Prefix: "audit", Endpoint: c.Endpoint},
		"listed":    {Bucket: c.Bucket, Prefix: "audit", Endpoint: c.Endpoint, Every: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			if cfg.Queue != "" {
				c.Send(c.Announced("audit/_check"))
				c.Send(c.Announced(key))
			}
			log := &auditlog.Config{Config: cfg}
			if err := log.Validate(); err != nil {
				t.Fatal(err)
			}
			running, sink := ingesttest.Open(t, log, "audit", "acme")
			ingesttest.Run(t, running.Run)
			for give := time.Now().Add(time.Minute); len(sink.Events()) < 2 && time.Now().Before(give); {
				time.Sleep(10 * time.Millisecond)
			}
			e := sink.Events()
			if len(e) != 2 || e[0].ID != "d1" || e[1].ID != "d2" || len(sink.Dead()) != 0 || !strings.HasSuffix(sink.Batches()[0].Origin, key) {
				t.Errorf("stored %+v, buried %+v", e, sink.Dead())
			}
		})
	}
	t.Run("backfilled", func(t *testing.T) {
		c.Put(strings.Replace(key, "/5b0e2f0c", "/00000000", 1), packed(lines), nil) // which cannot be had
		endpoint := c.Refusing(func(r *http.Request) bool { return strings.Contains(r.URL.Path, "00000000") })
		log := &auditlog.Config{Config: objects.Config{Bucket: c.Bucket, Prefix: "audit", Endpoint: endpoint}}
		sink := &ingesttest.Recorder{}
		in := sink.Intake(ingesttest.Source(log, "audit", "acme"), time.Now)
		var last ingest.Progress
		err := log.Backfill(t.Context(), in, ingest.Period{From: now.Add(-time.Hour), To: now.Add(time.Hour)}, func(p ingest.Progress) { last = p })
		if err == nil || !strings.Contains(err.Error(), "access is denied") || len(sink.Events()) != 2 || last.Done != 1 || last.Events != 2 {
			t.Errorf("%v %+v, %d events", err, last, len(sink.Events()))
		}
	})
}

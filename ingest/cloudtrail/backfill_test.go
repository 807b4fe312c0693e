package cloudtrail_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/cloudtrail"
	"sidedoor/ingest/cloudtrail/trailtest"
	"sidedoor/ingest/ingesttest"
	"sidedoor/ingest/objects"
	"sidedoor/internal/testserver"
)

// organisation is a trail of two accounts in three regions each.
func organisation(c *testserver.Cloud) (first *trailtest.Trail, all []*morning) {
	first = trailtest.New(c.Bucket, "111122223333", "eu-west-1")
	first.Organisation, first.Prefix = "o-acme1", "audit/"
	for _, account := range []string{"111122223333", "444455556666"} {
		for _, region := range []string{"eu-west-1", "us-east-1", "ap-southeast-2"} {
			m := newMorning(first.Beside(account, region))
			for i := range m.logs {
				c.Put(m.logs[i].Key, m.logs[i].Body, nil)
				c.Put(m.digests[i].Key, m.digests[i].Body, m.digests[i].Metadata)
			}
			all = append(all, m)
		}
	}
	// What else AWS puts beside a trail's files.
	c.Put("audit/AWSLogs/o-acme1/111122223333/Config/eu-west-1/2026/11/16/x.json.gz", []byte("{}"), nil)
	c.Put("audit/AWSLogs/o-acme1/111122223333/CloudTrail/eu-west-1/2026/11/16/README", []byte("hello"), nil)
	return first, all
}

// backfill back-fills the hour from 8 to 9.
func backfill(ctx context.Context, cfg *cloudtrail.Config, sink *ingesttest.Recorder, now time.Time, tell func(ingest.Progress)) error {
	in := sink.Intake(ingesttest.Source(cfg, "trail", ""), func() time.Time { return now })
	return cfg.Backfill(ctx, in, ingest.Period{From: nine.Add(-time.Hour), To: nine.Add(2 * time.Hour)}, tell)
}

func TestEveryAccountAndRegionIsBackFilledAndProven(t *testing.T) {
	c := testserver.AWS(t)
	first, all := organisation(c)
	cfg := &cloudtrail.Config{Config: objects.Config{Bucket: c.Bucket, Prefix: "audit", Endpoint: c.Endpoint}, DigestKeys: keysOf(t, first)}
	sink := &ingesttest.Recorder{}

	// It is broken off, and taken up again.
	ctx, stop := context.WithCancel(t.Context())
	err := backfill(ctx, cfg, sink, nine.Add(24*time.Hour), func(p ingest.Progress) {
		if p.Done == 5 {
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("broken off: %v", err)
	}
	before := len(sink.Events())
	if before == 0 || before >= 18 {
		t.Fatalf("%d events were stored before it was broken off", before)
	}
	var last ingest.Progress
	if err := backfill(t.Context(), cfg, sink, nine.Add(24*time.Hour), func(p ingest.Progress) { last = p }); err != nil {
		t.Fatal(err)
	}
	if last.Done != 36 || last.Total != 36 || last.Events+before < 18 {
		t.Errorf("progress %+v after %d events", last, before)
	}
	if n := len(sink.Events()); n != 18 || len(sink.Batches()) != 18 {
		t.Errorf("%d events in %d batches", n, len(sink.Batches()))
	}
	parts := map[string]int{}
	for _, p := range sink.Proofs() {
		if p.Verdict != event.Complete || p.Items != 1 {
			t.Errorf("proven: %+v", p)
		}
		parts[p.Part]++
	}
	for _, m := range all {
		if part := "o-acme1/" + m.Account + "/" + m.Region + "/acme"; parts[part] != 3 {
			t.Errorf("%d proofs of %s", parts[part], part)
		}
	}
	if len(sink.Dead()) > 0 {
		t.Errorf("buried %+v", sink.Dead()[0])
	}
}

func TestOnlyThePeriodIsBackFilled(t *testing.T) {
	c := testserver.AWS(t)
	m := trailtest.New(c.Bucket, "111122223333", "eu-west-1")
	for at, id := range map[time.Duration]string{
		-25 * time.Hour: "day before", -61 * time.Minute: "before", -60 * time.Minute: "first", 0: "inside", 3*time.Hour + 59*time.Minute: "late", 4 * time.Hour: "after", 25 * time.Hour: "day after",
	} {
		o := m.Log(nine.Add(at), m.Record(id, "X", nine.Add(at)))
		c.Put(o.Key, o.Body, nil)
	}
	cfg := &cloudtrail.Config{Config: objects.Config{Bucket: c.Bucket, Endpoint: c.Endpoint}, Digests: "off"}
	sink := &ingesttest.Recorder{}
	if err := backfill(t.Context(), cfg, sink, nine.Add(48*time.Hour), func(ingest.Progress) {}); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, e := range sink.Events() {
		ids = append(ids, e.ID)
	}
	slices.Sort(ids)
	if got := fmt.Sprint(ids); got != "[first inside late]" {
		t.Errorf("stored %s", got)
	}
}

func TestABackFillSaysWhatIsMissing(t *testing.T) {
	c := testserver.AWS(t)
	m := newMorning(trailtest.New(c.Bucket, "111122223333", "eu-west-1"))
	for i := range m.logs {
		if i != 1 {
			c.Put(m.logs[i].Key, m.logs[i].Body, nil)
		}
		c.Put(m.digests[i].Key, m.digests[i].Body, m.digests[i].Metadata)
	}
	cfg := &cloudtrail.Config{Config: objects.Config{Bucket: c.Bucket, Endpoint: c.Endpoint}, DigestKeys: keysOf(t, m.Trail)}
	sink := &ingesttest.Recorder{}
	if err := backfill(t.Context(), cfg, sink, nine.Add(24*time.Hour), func(ingest.Progress) {}); err != nil {
		t.Fatal(err)
	}
	want := []string{"08:00-09:00 complete", "09:00-10:00 missing …u000002.json.gz: it is gone", "10:00-11:00 complete"}
	if got := told(sink.Proofs()); !slices.EqualFunc(got, want, alike) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

// A finding about the link to the file before is not for a back-fill to take back.
func TestABackFillSeesWhatIsWrongAtItsBeginning(t *testing.T) {
	for _, c := range []struct {
		name   string
		attack func(m *morning)
		want   string
	}{
		{"nothing", func(*morning) {}, "10:00-11:00 complete"},
		{"the chain begins anew", func(m *morning) {
			m.Restart()
			m.digests[2] = m.Digest(nine.Add(2*time.Hour), m.logs[2])
		}, "10:00-11:00 missing …begins anew"},
		{"the file before was replaced by another that is well signed", func(m *morning) {
			twin := m.Beside(m.Account, m.Region)
			twin.Digest(nine)
			m.digests[1] = twin.Digest(nine.Add(time.Hour))
		}, "10:00-11:00 altered …has another hash"},
		{"the file before is none of the trail's", func(m *morning) { m.digests[1].Metadata = nil }, "10:00-11:00 complete"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cloud := testserver.AWS(t)
			m := newMorning(trailtest.New(cloud.Bucket, "111122223333", "eu-west-1"))
			c.attack(m)
			for i := range m.logs {
				cloud.Put(m.logs[i].Key, m.logs[i].Body, nil)
				cloud.Put(m.digests[i].Key, m.digests[i].Body, m.digests[i].Metadata)
			}
			cfg := &cloudtrail.Config{Config: objects.Config{Bucket: cloud.Bucket, Endpoint: cloud.Endpoint}, DigestKeys: keysOf(t, m.Trail)}
			sink := &ingesttest.Recorder{}
			in := sink.Intake(ingesttest.Source(cfg, "trail", ""), func() time.Time { return nine.Add(24 * time.Hour) })
			if err := cfg.Backfill(t.Context(), in, ingest.Period{From: nine.Add(time.Hour), To: nine.Add(2 * time.Hour)}, func(ingest.Progress) {}); err != nil {
				t.Fatal(err)
			}
			if got := told(sink.Proofs()); len(got) != 1 || !alike(got[0], c.want) {
				t.Errorf("got\n%s", strings.Join(got, "\n"))
			}
		})
	}
}

func TestWhatIsRefusedHoldsUpNoOtherAccountOfABackFill(t *testing.T) {
	c := testserver.AWS(t)
	first, all := organisation(c)
	endpoint := c.Refusing(func(r *http.Request) bool {
		return strings.HasSuffix(r.URL.Path, all[0].logs[0].Key) || strings.HasSuffix(r.URL.Path, all[0].digests[1].Key)
	})
	cfg := &cloudtrail.Config{Config: objects.Config{Bucket: c.Bucket, Prefix: "audit", Endpoint: endpoint}, DigestKeys: keysOf(t, first)}
	sink := &ingesttest.Recorder{}
	err := backfill(t.Context(), cfg, sink, nine.Add(150*time.Minute), func(ingest.Progress) {})
	if err == nil || !strings.Contains(err.Error(), "access is denied") {
		t.Errorf("got %v", err)
	}
	if e, p := len(sink.Events()), len(sink.Proofs()); e != 17 || p != 15 {
		t.Errorf("%d events, %d proofs", e, p)
	}
}

func TestABackFillOfAnEmptyPlaceIsAnError(t *testing.T) {
	c := testserver.AWS(t)
	cfg := &cloudtrail.Config{Config: objects.Config{Bucket: c.Bucket, Prefix: "typo", Endpoint: c.Endpoint}}
	err := backfill(t.Context(), cfg, &ingesttest.Recorder{}, nine, func(ingest.Progress) {})
	if err == nil || !strings.Contains(err.Error(), "is the prefix that of the trail?") {
		t.Errorf("got %v", err)
	}
	cfg.Bucket = "nobodys-bucket"
	err = backfill(t.Context(), cfg, &ingesttest.Recorder{}, nine, func(ingest.Progress) {})
	if err == nil || !strings.Contains(err.Error(), "there is no such bucket") {
		t.Errorf("got %v", err)
	}
}

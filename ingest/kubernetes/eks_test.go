package kubernetes_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/ingesttest"
	"sidedoor/ingest/kubernetes"
	"sidedoor/ingest/objects"
	"sidedoor/ingest/records"
	"sidedoor/internal/testserver"
)

// subscription is a record as CloudWatch Logs sends it.
func subscription(kind, group, stream string, messages ...string) []byte {
	type logEvent struct {
		ID        string `json:"id"`
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	}
	events := []logEvent{}
	for i, m := range messages {
		events = append(events, logEvent{fmt.Sprintf("385722%d", i), 1763283600123, strings.TrimSuffix(m, "\n")})
	}
	b, _ := json.Marshal(map[string]any{
		"messageType": kind, "owner": "111122223333", "logGroup": group, "logStream": stream,
		"subscriptionFilters": []string{"audit"}, "logEvents": events,
	})
	return b
}

// audit is a record of the audit log of the cluster prod.
func audit(messages ...string) []byte {
	return subscription("DATA_MESSAGE", "/aws/eks/prod/cluster", "kube-apiserver-audit-0a1b2c", messages...)
}

func packed(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b)
	_ = z.Close()
	return out.Bytes()
}

// readObject reads an object's content as it comes from S3.
func readObject(t testing.TB, cluster string, content []byte) *ingesttest.Recorder {
	t.Helper()
	sink := &ingesttest.Recorder{}
	in := sink.Intake(ingest.Source{Name: "eks", Product: "kubernetes", Service: "audit"}, time.Now)
	r := records.Reader{Intake: in, Identify: kubernetes.EKSRecord(in, cluster)}
	if _, err := r.Read(t.Context(), in.Source.Envelope("s3://bucket/key", time.Now(), content), bytes.NewReader(content)); err != nil {
		t.Fatal(err)
	}
	return sink
}

func TestAnObjectOfFirehoseHasTheEventsOfTheAuditStreams(t *testing.T) {
	first, second := audit(auditLine(1), auditLine(2)), audit(auditLine(3))
	others := slices.Concat(
		subscription("CONTROL_MESSAGE", "", "", "CWL CONTROL MESSAGE: Checking health of destination Firehose."),
		subscription("DATA_MESSAGE", "/aws/eks/prod/cluster", "kube-apiserver-0a1b2c", "I1116 09:00:00 text"),
		subscription("DATA_MESSAGE", "/aws/eks/prod/cluster", "authenticator-0a1b2c", "time=x level=info"),
	)
	for _, c := range []struct {
		name    string
		content []byte
	}{
		{"records packed one by one", slices.Concat(packed(first), packed(others), packed(second))},
		{"packed once more by Firehose", packed(slices.Concat(packed(first), packed(others), packed(second)))},
		{"unpacked by Firehose", slices.Concat(first, others, second)},
		{"unpacked, a record a line", slices.Concat(first, []byte("\n"), others, []byte("\n"), second, []byte("\n"))},
		{"messages taken out of their records", []byte(auditLine(1) + auditLine(2) + auditLine(3))},
	} {
		t.Run(c.name, func(t *testing.T) {
			sink := readObject(t, "", c.content)
			if got := ids(sink.Events()); got != "a-1 a-2 a-3" || len(sink.Dead()) != 0 {
				t.Errorf("stored %s, buried %+v", got, sink.Dead())
			}
			e := sink.Events()[0]
			if want := strings.TrimSuffix(auditLine(1), "\n"); string(e.Raw) != want || e.Original != event.DigestOf([]byte(want)) {
				t.Errorf("stored %s", e.Raw)
			}
		})
	}
}

func TestAMessageThatCannotBeReadIsADeadLetterOfItsOwn(t *testing.T) {
	long := strings.TrimSuffix(auditLine(2), "\n")
	for _, c := range []struct {
		name, message, cause string
	}{
		{"cut off", long[:len(long)-9], "truncated"},
		{"cut off and marked", long[:len(long)-9] + "[Truncated...]", "truncated"},
		{"no JSON", "{oops}", "malformed"},
		{"no audit event", `{"kind":"Pod"}`, "malformed"},
		{"nothing", "", "malformed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sink := readObject(t, "", audit(auditLine(1), c.message, auditLine(3)))
			dead := sink.Dead()
			if got := ids(sink.Events()); got != "a-1 a-3" || len(dead) != 1 || dead[0].Cause != c.cause {
				t.Fatalf("stored %s, buried %+v", got, dead)
			}
			if string(dead[0].Raw) != c.message || !strings.Contains(dead[0].Reason, "log stream") {
				t.Errorf("buried %s: %s", dead[0].Reason, dead[0].Raw)
			}
		})
	}
}

func TestARecordThatIsNoneOfEKSIsADeadLetter(t *testing.T) {
	for _, content := range [][]byte{
		subscription("DATA_MESSAGE", "/aws/lambda/x", "kube-apiserver-audit-1", auditLine(1)),
		subscription("NEWS", "/aws/eks/prod/cluster", "kube-apiserver-audit-1", auditLine(1)),
		[]byte(`{"a":1}`), []byte("text"), {}, packed(packed(packed(packed(audit(auditLine(1)))))),
	} {
		sink := readObject(t, "", content)
		if len(sink.Events()) != 0 || len(sink.Dead()) != 1 {
			t.Errorf("%s: stored %v, buried %v", content, sink.Events(), sink.Dead())
		}
	}
}

func TestOfSeveralClustersOneIsTaken(t *testing.T) {
	other := subscription("DATA_MESSAGE", "/aws/eks/dev/cluster", "kube-apiserver-audit-1", auditLine(1))
	sink := readObject(t, "prod", slices.Concat(other, audit(auditLine(2))))
	if got := ids(sink.Events()); got != "a-2" || len(sink.Dead()) != 0 {
		t.Errorf("stored %s, buried %v", got, sink.Dead())
	}
}

func TestASecretInAMessageIsRedacted(t *testing.T) {
	sink := readObject(t, "", audit(secret, secret[:len(secret)-3]))
	if len(sink.Events()) != 1 || len(sink.Dead()) != 1 || strings.Contains(string(sink.Events()[0].Raw)+string(sink.Dead()[0].Raw), "hunter2") {
		t.Errorf("stored %s, buried %s", sink.Events()[0].Raw, sink.Dead()[0].Raw)
	}
}

func TestAnEKSClustersAuditLogIsReadFromS3(t *testing.T) {
	for _, way := range []string{"queue", "listing"} {
		t.Run(way, func(t *testing.T) {
			cloud := testserver.AWS(t)
			config := &kubernetes.Config{EKS: &kubernetes.EKS{
				Config: objects.Config{Bucket: cloud.Bucket, Prefix: "eks", Endpoint: cloud.Endpoint}, Cluster: "prod",
			}}
			if way == "queue" {
				config.EKS.Queue = cloud.Queue
			}
			if err := config.Validate(); err != nil {
				t.Fatal(err)
			}
			key := "eks/" + time.Now().UTC().Format("2006/01/02/15/") + "audit-1-2026-11-16-09-00-00-0a1b"
			cloud.Put(key, slices.Concat(packed(audit(auditLine(1))), packed(audit(auditLine(2)))), nil)
			if way == "queue" {
				cloud.Send(cloud.Announced(key))
			}
			running, sink := ingesttest.Open(t, config, "eks", "")
			defer ingesttest.Run(t, running.Run)()
			until(t, func() bool { return ids(sink.Events()) == "a-1 a-2" })
			if b := sink.Batches()[0]; b.Scope != "prod" || b.Product != "kubernetes" || b.Origin != "s3://"+cloud.Bucket+"/"+key {
				t.Errorf("stored %+v", b.Envelope)
			}
		})
	}
}

func TestThePastOfAnEKSClusterIsFetched(t *testing.T) {
	cloud := testserver.AWS(t)
	config := &kubernetes.Config{EKS: &kubernetes.EKS{Config: objects.Config{Bucket: cloud.Bucket, Endpoint: cloud.Endpoint}}}
	for i, hour := range []string{"07", "08", "09", "10", "12"} {
		cloud.Put("2026/11/16/"+hour+"/audit-"+hour, packed(audit(auditLine(i))), nil)
	}
	sink := &ingesttest.Recorder{}
	in := sink.Intake(ingesttest.Source(config, "eks", "prod"), time.Now)
	at := func(hour int) time.Time { return time.Date(2026, 11, 16, hour, 0, 0, 0, time.UTC) }
	for _, stored := range []int{3, 0} { // the second time there is nothing to do
		var last ingest.Progress
		err := config.Backfill(t.Context(), in, ingest.Period{From: at(8), To: at(9)}, func(p ingest.Progress) { last = p })
		if err != nil || last.Done != 3 || last.Total != 3 || last.Events != stored {
			t.Errorf("%+v, %v", last, err)
		}
	}
	if got := ids(sink.Events()); !slices.Equal(slices.Sorted(strings.SplitSeq(got, " ")), []string{"a-1", "a-2", "a-3"}) {
		t.Errorf("stored %s", got)
	}
	for _, c := range []kubernetes.Config{{LogFile: "audit.log"}, {Path: "/k"}, {EKS: &kubernetes.EKS{}}} {
		if err := c.Backfill(t.Context(), in, ingest.Period{}, nil); err == nil {
			t.Errorf("%+v has a past", c)
		}
	}
}

func FuzzAnObjectOfFirehose(f *testing.F) {
	f.Add(audit(auditLine(1)))
	f.Add(packed(packed(audit(secret))))
	f.Add([]byte(`{"messageType":"DATA_MESSAGE","logGroup":"/aws/eks/p/cluster","logStream":"kube-apiserver-audit-","logEvents":[{"message":{}},1]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, e := range readObject(t, "", content).Events() {
			if !json.Valid(e.Raw) {
				t.Errorf("stored %q", e.Raw)
			}
		}
	})
}

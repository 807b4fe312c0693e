package logfile_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/logfile"
)

// The smallest records of each kind.
const (
	trail    = `{"eventSource":"s3.amazonaws.com","eventName":"PutObject","eventID":"c-1","eventTime":"2026-11-16T09:00:00Z"}`
	audit    = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"k-1","stage":"ResponseComplete","verb":"get","user":{}}`
	push     = `{"ref":"refs/heads/main","before":"0","after":"1","commits":[],"pusher":{}}`
	entry    = `{"_document_id":"a-1","action":"repo.destroy","actor":"alice","@timestamp":1794819600000}`
	approval = `{"specversion":"1.0","id":"1","source":"x","type":"dev.sidedoor.access-grant","time":"2026-11-16T09:00:00Z","data":{}}`
)

// read reads a text and says of each record its source, ID and kind, and of
// what is none why, in angle brackets.
func read(t testing.TB, name, text string, opts logfile.Options) []string {
	t.Helper()
	var all []string
	record := func(r logfile.Record) error {
		all = append(all, strings.TrimSpace(r.Envelope.Source+" "+r.Event.ID+" "+r.Event.Kind))
		return nil
	}
	err := logfile.Read(t.Context(), strings.NewReader(text), name, opts, record, func(b logfile.Bad) {
		all = append(all, fmt.Sprintf("<%d: %s>", b.Index, b.Reason))
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestEachKindIsRecognisedInEachOfItsForms(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a CloudTrail file", `{"Records":[` + trail + `]}`, "cloudtrail c-1"},
		{"a record on a line", trail, "cloudtrail c-1"},
		{"EventBridge", `{"version":"0","detail-type":"AWS API Call via CloudTrail","source":"aws.s3","detail":` + trail + `}`, "cloudtrail c-1"},
		{"an audit event", audit, "kubernetes k-1/ResponseComplete"},
		{"an EventList", `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[` + audit + `]}`, "kubernetes k-1/ResponseComplete"},
		{"an audit event without its kind", `{"auditID":"k-1","stage":"Panic","verb":"get"}`, "kubernetes k-1/Panic"},
		{"AKS", `{"category":"kube-audit","properties":{"log":` + quoted(audit) + `}}`, "kubernetes k-1/ResponseComplete"},
		{"the audit log", entry, "github-audit a-1"},
		{"an array of the audit log", "[" + entry + "]", "github-audit a-1"},
		{"the appliance's audit log", `{"host":"x","message":` + quoted("<190>May 22 12:05:54 ghe github_audit: "+entry) + `}`, "github-audit a-1"},
		{"a delivery from GitHub's API", `{"id":1,"guid":"g-1","event":"push","request":{"headers":{},"payload":` + push + `},"response":{}}`, "github g-1 push"},
		{"a delivery with its headers", `{"headers":{"X-GitHub-Event":"push","x-github-delivery":"g-1"},"body":` + push + `}`, "github g-1 push"},
		{"a delivery with its body as text", `{"X-GitHub-Event":"push","X-GitHub-Delivery":"g-1","body":` + quoted(push) + `}`, "github g-1 push"},
		{"a delivery in words of its own", `{"event":"push","guid":"g-1","payload":` + push + `}`, "github g-1 push"},
		{"a delivery as in the corpus", `{"event_header":"push","payload":` + push + `}`, "github  push"},
		{"a bare payload", push, "github  push"},
		{"an approval", approval, "approvals x/1"},
		{"a GitLab webhook", mergeRequest, "gitlab  merge_request"},
		{"a GitLab system hook", `{"event_name":"user_add_to_group","created_at":"2026-11-16T09:00:00Z","group_path":"acme"}`, "gitlab  user_add_to_group"},
		{"a GitLab delivery with its headers", `{"headers":{"X-Gitlab-Event":"Merge Request Hook","Idempotency-Key":"k-9"},"body":` + mergeRequest + `}`, "gitlab k-9 merge_request"},
		{"a GitLab audit event", gitlabEntry, "gitlab-audit 7"},
		{"an Argo CD Application", application, "argocd u-1/2026-11-16T09:00:00Z/Succeeded"},
		{"an Application of a watch", `{"type":"MODIFIED","object":` + application + `}`, "argocd u-1/2026-11-16T09:00:00Z/Succeeded"},
		{"an Application of a notification", `{"app":` + application + `,"context":{"argocdUrl":"x"}}`, "argocd u-1/2026-11-16T09:00:00Z/Succeeded"},
		{"an Application that was deleted", `{"type":"DELETED","object":` + application + `}`, "argocd u-1/deleted"},
		{"a Kustomization", fluxObject, "flux-objects f-1/main@sha1:c0ffee/ReconciliationSucceeded/2/2026-11-16T09:00:00Z"},
		{"a Kustomization that was changed", `{"type":"MODIFIED","object":` + fluxObject + `}`, "flux-objects f-1/generation/2"},
		{"a HelmRelease of the past", fluxPast, "flux-objects h-1/history/7@2026-11-16T09:00:00Z"},
		{"a Flux event", fluxEvent, "flux f-1/ReconciliationSucceeded/2026-11-16T09:00:00Z"},
		{"a CDEvent", cdevent, "ci /ci/c-9"},
		{"a CDEvent in a CloudEvent", `{"specversion":"1.0","id":"x","source":"/ci","type":"dev.cdevents.pipelinerun.finished.0.2.0","data":` + cdevent + `}`, "ci /ci/c-9"},
		{"an array of approvals", "[" + approval + "]", "approvals x/1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := read(t, "x.json", c.text, logfile.Options{}); len(got) != 1 || got[0] != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestKindsMayBeMixed(t *testing.T) {
	got := read(t, "x.log", strings.Join([]string{trail, audit, `{"Records":[` + trail + "," + trail + `]}`, push, entry, approval}, "\n"), logfile.Options{})
	want := []string{"cloudtrail c-1", "kubernetes k-1/ResponseComplete", "cloudtrail c-1", "cloudtrail c-1", "github  push", "github-audit a-1", "approvals x/1"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestWhatIsNotReadIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		`{"object_kind":"No event","project_id":1}`:                                       "names no event",
		`{"context":{"type":"dev.cdevents.x"},"subject":{}}`:                              "no context.id",
		`{"context":{"type":"x"},"subject":{}}`:                                           "no CDEvent",
		`{"specversion":"1.0","type":"x","source":"y","id":"z"}`:                          "CloudEvent",
		`{"apiVersion":"argoproj.io/v1alpha1","kind":"AppProject"}`:                       "Argo CD object (AppProject)",
		`{"involvedObject":{},"reportingController":"x"}`:                                 "flux: the event names no",
		`{"protoPayload":{}}`:                                                             "Google",
		`{"awsAccountId":"1","digestStartTime":"x"}`:                                      "digest",
		`{"apiVersion":"v1","kind":"Secret"}`:                                             "Kubernetes object (Secret)",
		`{"hello":"world"}`:                                                               "none of the kinds",
		`{"a":01}`:                                                                        "not valid JSON",
		`{"event":"push","request":{"payload":7}}`:                                        "no JSON object",
		strings.Repeat(`{"detail-type":"x","detail":`, 9) + "{}" + strings.Repeat("}", 9): "none of the kinds",
		strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000):               "not valid JSON",
	} {
		if got := read(t, "x.json", text, logfile.Options{}); len(got) != 1 || !strings.HasPrefix(got[0], "<0: ") || !strings.Contains(got[0], want) {
			t.Errorf("%.60s: got %q, want %q", text, got, want)
		}
	}
}

func TestABrokenLineCostsItselfOnly(t *testing.T) {
	got := read(t, "x.jsonl", trail+"\noops\n{\"a\":\n"+audit+"\n\n{\"a\":\"x\n"+entry+"\n{", logfile.Options{})
	want := []string{
		"cloudtrail c-1", "<1: not a JSON object>", "<2: the record does not end on its line>", "kubernetes k-1/ResponseComplete",
		"<4: the record does not end on its line>", "github-audit a-1", "<6: the file ends inside a record>",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestARecordThatIsTooLargeIsReported(t *testing.T) {
	got := read(t, "x.jsonl", `{"a":"`+strings.Repeat("x", 2000)+"\"}\n"+trail, logfile.Options{MaxRecord: 1000})
	if want := []string{"<0: the record is too large>", "cloudtrail c-1"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestARecordSaysWhereItIsAndIsRedacted(t *testing.T) {
	received := time.Date(2026, 11, 17, 0, 0, 0, 0, time.UTC)
	const raw = `{"auditID":"k-1","stage":"X","verb":"get","objectRef":{"resource":"secrets"},"responseObject":{"p":"hunter2"}}`
	err := logfile.Read(t.Context(), strings.NewReader("["+trail+","+raw+"]"), "a/b.json", logfile.Options{Received: received}, func(r logfile.Record) error {
		if r.Event.Index == 0 {
			return nil
		}
		e := r.Envelope
		if e.Origin != "a/b.json" || e.Product != "kubernetes" || e.Service != "audit" || !e.Received.Equal(received) {
			t.Errorf("envelope %+v", e)
		}
		if r.Event.Index != 1 || r.Event.Original != event.DigestOf([]byte(raw)) || strings.Contains(string(r.Event.Raw), "hunter2") {
			t.Errorf("event %+v", r.Event)
		}
		return nil
	}, func(b logfile.Bad) { t.Errorf("%+v", b) })
	if err != nil {
		t.Fatal(err)
	}
}

func TestIdentifyReadsAnEventOfEachLogSource(t *testing.T) {
	for _, c := range []struct{ product, service, kind, raw, id string }{
		{"aws", "cloudtrail", "", trail, "c-1"},
		{"kubernetes", "audit", "", audit, "k-1/ResponseComplete"},
		{"github", "webhook", "push", push, ""},
		{"github", "audit", "", entry, "a-1"},
		{"approvals", "cloudevents", "", approval, "x/1"},
		{"gitlab", "webhook", "merge_request", mergeRequest, ""},
		{"gitlab", "audit", "", gitlabEntry, "7"},
		{"argocd", "application", "", application, "u-1/2026-11-16T09:00:00Z/Succeeded"},
		{"flux", "object", "", fluxObject, "f-1/main@sha1:c0ffee/ReconciliationSucceeded/2/2026-11-16T09:00:00Z"},
		{"flux", "event", "", fluxEvent, "f-1/ReconciliationSucceeded/2026-11-16T09:00:00Z"},
		{"ci", "cdevents", "", cdevent, "/ci/c-9"},
	} {
		e, err := logfile.Identify(c.product, c.service, c.kind, []byte(c.raw))
		if err != nil || e.ID != c.id || e.Kind != c.kind {
			t.Errorf("%s/%s: %+v, %v", c.product, c.service, e, err)
		}
	}
	if _, err := logfile.Identify("aws", "guardduty", "", []byte(trail)); err == nil || !strings.Contains(err.Error(), "aws/guardduty") {
		t.Errorf("an unknown log source: %v", err)
	}
}

// tree makes a folder of files.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// walk lists what is found in which file.
func walk(t *testing.T, opts logfile.Options, paths ...string) []string {
	t.Helper()
	var all []string
	err := logfile.Walk(t.Context(), paths, opts, func(r logfile.Record) error {
		all = append(all, fmt.Sprint(filepath.Base(r.Envelope.Origin), " ", r.Event.Index))
		return nil
	}, func(b logfile.Bad) { all = append(all, fmt.Sprintf("<%s %d>", filepath.Base(b.File), b.Index)) })
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func gzipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, text)
	z.Close()
	return b.String()
}

func TestAFolderIsReadInOrderAndWhatIsNoLogIsMentionedOnce(t *testing.T) {
	dir := tree(t, map[string]string{
		"b/2.json.gz": gzipped(trail + "\n" + trail), "b/1.json": trail, "a.log": "oops\noops\n" + trail, "misnamed.json": gzipped(trail),
		"notes.txt": "hello\nworld\n", "table.csv": "a,b\n1,2\n", "picture.png": "\x89PNG\r\n{", "empty.json": "", "cut.json.gz": gzipped(trail + trail)[:20],
		"broken.gz": "\x1f\x8bxx",
	})
	want := []string{
		"<a.log 0>", "<a.log 1>", "a.log 2", "1.json 0", "2.json.gz 0", "2.json.gz 1", "<broken.gz -1>", "<cut.json.gz 0>", "misnamed.json 0",
		"<notes.txt -1>", "<picture.png -1>", "<table.csv -1>",
	}
	if got := walk(t, logfile.Options{}, dir); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestAPathThatIsNotThereIsReportedOnce(t *testing.T) {
	if got := walk(t, logfile.Options{}, filepath.Join(t.TempDir(), "absent.json")); !reflect.DeepEqual(got, []string{"<absent.json -1>"}) {
		t.Errorf("got %q", got)
	}
}

func TestALinkIsFollowedWhereItIsNamedAndNotInsideAFolder(t *testing.T) {
	dir := tree(t, map[string]string{"logs/a.json": trail})
	link := func(to, from string) string {
		from = filepath.Join(dir, from)
		if err := os.Symlink(filepath.Join(dir, to), from); err != nil {
			t.Skip("no links here: ", err)
		}
		return from
	}
	folder, file := link("logs", "folder"), link("logs/a.json", "file.json")
	link(".", "logs/circle")
	link("logs/a.json", "logs/again.json")
	for _, path := range []string{folder, file} {
		if got := walk(t, logfile.Options{}, path); len(got) != 1 {
			t.Errorf("%s: %q", path, got)
		}
	}
}

func TestReadingStopsWhenItIsToldTo(t *testing.T) {
	dir := tree(t, map[string]string{"a.json": strings.Repeat(trail, 5000), "b.json": trail})
	ignore := func(logfile.Bad) {}
	full := errors.New("the disk is full")
	if err := logfile.Walk(t.Context(), []string{dir}, logfile.Options{}, func(logfile.Record) error { return full }, ignore); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	err := logfile.Walk(ctx, []string{dir}, logfile.Options{}, func(logfile.Record) error { n++; cancel(); return nil }, ignore)
	if !errors.Is(err, context.Canceled) || n > 2000 {
		t.Errorf("%v after %d records", err, n)
	}
}

func TestProgressEndsAtTheTotal(t *testing.T) {
	dir := tree(t, map[string]string{"a.json": strings.Repeat(trail+"\n", 30_000), "b.json": trail})
	var last, total int64
	calls := 0
	walk(t, logfile.Options{Progress: func(_ string, read, all int64) {
		if read < last || read > all {
			t.Errorf("%d of %d after %d", read, all, last)
		}
		last, total = read, all
		calls++
	}}, dir)
	if last != total || total == 0 || calls < 4 {
		t.Errorf("%d of %d in %d calls", last, total, calls)
	}
}

// bomb is a stream of zeros that gzip packs a thousandfold, inside a string.
func bomb(t *testing.T, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, `{"a":"`)
	zeros := bytes.Repeat([]byte("0"), 1<<20)
	for range size >> 20 {
		z.Write(zeros)
	}
	io.WriteString(z, "\"}\n"+trail)
	z.Close()
	return b.Bytes()
}

func TestAGzipBombIsPassedOverInBoundedMemory(t *testing.T) {
	packed := bomb(t, 64<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got := 0
	err := logfile.Read(t.Context(), bytes.NewReader(packed), "x.json.gz", logfile.Options{MaxRecord: 1 << 20}, func(logfile.Record) error { got++; return nil }, func(logfile.Bad) { got += 10 })
	runtime.ReadMemStats(&after)
	if err != nil || got != 11 {
		t.Errorf("%d, %v", got, err)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 16<<20 {
		t.Errorf("%d bytes allocated", used)
	}
}

func FuzzRead(f *testing.F) {
	for _, text := range []string{trail, audit, push, entry, approval, gzipped(trail), mergeRequest, gitlabEntry, application, fluxEvent, fluxObject, cdevent} {
		f.Add([]byte(text))
	}
	f.Add([]byte(`{"properties":{"log":` + quoted(audit) + `}}` + "\n" + `{"message":"github_audit: {}"}` + `{"headers":[],"payload":"{","event":{}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		next := 0
		seen := func(index int) {
			if index != next && index != -1 {
				t.Fatalf("record %d after %d", index, next-1)
			}
			next = index + 1
		}
		err := logfile.Read(t.Context(), bytes.NewReader(raw), "x.json", logfile.Options{MaxRecord: 1 << 16}, func(r logfile.Record) error {
			seen(r.Event.Index)
			if !json.Valid(r.Event.Raw) || r.Envelope.Source == "" {
				t.Errorf("%+v: %s", r.Envelope, r.Event.Raw)
			}
			return nil
		}, func(b logfile.Bad) {
			seen(b.Index)
			if b.Reason == "" {
				t.Error("no reason")
			}
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	text := strings.Repeat(`{"eventVersion":"1.08","userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/x/y"},"eventTime":"2026-11-16T09:00:00Z","eventSource":"s3.amazonaws.com","eventName":"PutObject","eventID":"c-1","requestParameters":{"a":["b",{"c":"`+strings.Repeat("x", 500)+`"}]}}`+"\n", 2000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		err := logfile.Read(b.Context(), strings.NewReader(text), "x.json", logfile.Options{}, func(logfile.Record) error { return nil }, func(bad logfile.Bad) { b.Fatal(bad) })
		if err != nil {
			b.Fatal(err)
		}
	}
}

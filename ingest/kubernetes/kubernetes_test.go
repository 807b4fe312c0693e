package kubernetes_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/ingesttest"
	"sidedoor/ingest/jsonscan"
	"sidedoor/ingest/kubernetes"
)

const token = "0123456789abcdef"

func handler(t *testing.T) (http.Handler, *ingesttest.Recorder) {
	t.Helper()
	return ingesttest.Handler(t, &kubernetes.Config{Path: "/k", TokenFile: ingesttest.Secret(t, token)}, "prod", "prod-eu")
}

func post(t *testing.T, h http.Handler, body string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/k", strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

const (
	apply = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a-1","stage":"ResponseComplete","verb":"patch",` +
		`"user":{"username":"alice"},"requestReceivedTimestamp":"2026-11-16T08:59:59.000000Z","stageTimestamp":"2026-11-16T09:00:00.123456Z"}`
	secret = `{"auditID":"a-2","stage":"ResponseComplete","verb":"get","objectRef":{"resource":"secrets"},"responseObject":{"data":{"p":"hunter2"}}}`
)

func list(items ...string) string {
	return `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[` + strings.Join(items, ",") + `]}`
}

func TestEveryItemOfAnEventListIsAnEvent(t *testing.T) {
	h, sink := handler(t)
	if w := post(t, h, list(apply, secret)); w.Code/100 != 2 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	batches := sink.Batches()
	if len(batches) != 1 || len(batches[0].Events) != 2 || batches[0].Scope != "prod-eu" {
		t.Fatalf("stored %+v", batches)
	}
	first, second := batches[0].Events[0], batches[0].Events[1]
	if want := time.Date(2026, 11, 16, 9, 0, 0, 123456000, time.UTC); first.ID != "a-1/ResponseComplete" || string(first.Raw) != apply || !first.Occurred.Equal(want) {
		t.Errorf("first: %+v", first)
	}
	if second.Index != 1 || second.Original != event.DigestOf([]byte(secret)) || strings.Contains(string(second.Raw), "hunter2") {
		t.Errorf("second: %+v %s", second, second.Raw)
	}
}

func TestOneMalformedItemIsBuriedAndTheRestIsTaken(t *testing.T) {
	h, sink := handler(t)
	if w := post(t, h, list(`"no event"`, apply, `{"kind":"Pod"}`, `null`)); w.Code/100 != 2 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if events := sink.Events(); len(events) != 1 || events[0].Index != 1 {
		t.Errorf("stored %+v", events)
	}
	var at []int
	for _, d := range sink.Dead() {
		at = append(at, d.Index)
	}
	if len(at) != 3 || at[0] != 0 || at[1] != 2 || at[2] != 3 {
		t.Errorf("dead letters of items %v", at)
	}
}

func TestWhatIsNoEventListIsRefused(t *testing.T) {
	for _, body := range []string{
		"", "{", "[]", apply, `{"kind":"EventList"}`, `{"kind":"PodList","items":[]}`,
		`{"kind":"EventList","apiVersion":"v1","items":[]}`, `{"apiVersion":"audit.k8s.io/v1","items":[]}`, list(apply) + "}", "\x00",
	} {
		h, sink := handler(t)
		w := post(t, h, body)
		var said struct{ Error string }
		if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || w.Code != http.StatusBadRequest || said.Error == "" {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
		if len(sink.Batches()) != 0 || len(sink.Dead()) != 1 {
			t.Errorf("%q: stored %v, buried %v", body, sink.Batches(), sink.Dead())
		}
	}
}

func TestASecretInABodyThatCannotBeReadIsNotKept(t *testing.T) {
	h, sink := handler(t)
	post(t, h, list(secret)+"}")
	post(t, h, secret)
	post(t, h, list(`{"kind":"Secret","data":{"p":"hunter2"}}`))
	dead := sink.Dead()
	if len(dead) != 3 {
		t.Fatalf("%d dead letters", len(dead))
	}
	for _, d := range dead {
		if strings.Contains(string(d.Raw), "hunter2") {
			t.Errorf("kept: %s", d.Raw)
		}
	}
}

func TestAnEventIsDatedByItsStageOrWhatOlderServersWrote(t *testing.T) {
	const at = "2026-11-16T09:00:00Z"
	for _, c := range []struct{ raw, want string }{
		{`{"verb":"get","stageTimestamp":"` + at + `","requestReceivedTimestamp":"2026-11-16T08:00:00Z","timestamp":"2026-11-16T07:00:00Z"}`, at},
		{`{"verb":"get","requestReceivedTimestamp":"` + at + `","metadata":{"creationTimestamp":"2026-11-16T08:00:00Z"}}`, at},
		{`{"verb":"get","timestamp":"` + at + `"}`, at},
		{`{"verb":"get","metadata":{"creationTimestamp":"` + at + `"}}`, at},
		{`{"verb":"get","stageTimestamp":null,"metadata":{"creationTimestamp":null}}`, "0001-01-01T00:00:00Z"},
		{`{"verb":"get","stageTimestamp":"yesterday"}`, "0001-01-01T00:00:00Z"},
	} {
		e, err := kubernetes.Identify([]byte(c.raw))
		if err != nil || e.Occurred.Format(time.RFC3339) != c.want {
			t.Errorf("%s: %v, %v", c.raw, e.Occurred, err)
		}
	}
}

func TestAnIDThatACallerChoseDoesNotHideAnEvent(t *testing.T) {
	one, _ := kubernetes.Identify([]byte(apply))
	other, _ := kubernetes.Identify([]byte(strings.Replace(apply, "alice", "mallory", 1)))
	b := event.Batch{Envelope: event.Envelope{Source: "prod"}, Events: []event.Event{one, other}}
	if one.ID != other.ID || b.Ref(0).Key() == b.Ref(1).Key() {
		t.Error("two events are taken for one")
	}
}

func TestATruncatedEventSaysSo(t *testing.T) {
	for raw, want := range map[string]bool{
		`{"verb":"patch","annotations":{"audit.k8s.io/truncated":"true"}}`:               true,
		`{"annotations":{"a":"b"},"annotations":{"audit.k8s.io/trun\u0063ated":"true"}}`: true,
		`{"annotations":{"audit.k8s.io/truncated":"false"}}`:                             false,
		`{"requestObject":{"annotations":{"audit.k8s.io/truncated":"true"}}}`:            false,
		`{"annotations":"audit.k8s.io/truncated"}`:                                       false,
		`{"annotations":null,"x":"truncated"}`:                                           false,
		`truncated`:                                                                      false,
		apply:                                                                            false,
	} {
		if got := kubernetes.Truncated([]byte(raw)); got != want {
			t.Errorf("%s: %v", raw, got)
		}
	}
}

// FuzzAnEventList posts any body: each item is an event or a dead letter, and so is
// what is no list.
func FuzzAnEventList(f *testing.F) {
	f.Add(list(apply, secret, `null`))
	f.Add(`{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":{"a":[1]}}`)
	f.Add(`{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[[{}],"]",{"verb":"x"}],"items":[]}`)
	f.Fuzz(func(t *testing.T, body string) {
		running, sink := ingesttest.Open(t, &kubernetes.Config{Path: "/k", TokenFile: ingesttest.Secret(t, token)}, "prod", "prod-eu")
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/k", strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		running.Handler.ServeHTTP(w, req)
		items := 0 // where the key stands twice, of both
		jsonscan.Members([]byte(body), func(key string, value []byte) bool {
			if key == "items" {
				jsonscan.Elements(value, func([]byte) bool { items++; return true })
			}
			return true
		})
		n := len(sink.Events()) + len(sink.Dead())
		switch {
		case w.Code == http.StatusBadRequest && n != 1:
			t.Errorf("%q is refused, and %d dead letters are kept", body, n)
		case w.Code == http.StatusAccepted && items < 100 && n != items:
			t.Errorf("%q has %d items, and %d are on record", body, items, n)
		}
	})
}

func FuzzIdentify(f *testing.F) {
	f.Add([]byte(apply))
	f.Add([]byte(secret))
	f.Add([]byte(`{"user":[],"auditID":{"a":1},"stage":2}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		kubernetes.Truncated(raw) // must end
		e, err := kubernetes.Identify(raw)
		if err == nil && (!json.Valid(e.Raw) || e.Original != event.DigestOf(raw)) {
			t.Errorf("%q: %+v", raw, e)
		}
	})
}

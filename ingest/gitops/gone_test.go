package gitops_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sidedoor/ingest/gitops"
	"sidedoor/ingest/ingesttest"
)

// scripted answers lists and watches of applications one after another, and
// remembers what it was asked.
type scripted struct {
	mu      sync.Mutex
	answers []string // a status and a body, or a body alone
	asked   []string
	none    bool // there was no answer left
	// onAnswer is done before an answer.
	onAnswer func()
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what := "list"
	if r.URL.Query().Get("watch") != "" {
		what = "watch " + r.URL.Query().Get("resourceVersion")
	}
	if s.none = len(s.answers) == 0; s.none {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	}
	s.asked = append(s.asked, what)
	answer := s.answers[0]
	s.answers = s.answers[1:]
	if s.onAnswer != nil {
		s.onAnswer()
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprint(w, answer)
}

func (s *scripted) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func (s *scripted) refused() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.none
}

func kubeconfig(t *testing.T, url string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := `{apiVersion: v1, kind: Config, current-context: c, contexts: [{name: c, context: {cluster: c, user: u}}], users: [{name: u, user: {token: t}}], clusters: [{name: c, cluster: {server: "` + url + `"}}]}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func listOf(version string, objects ...string) string {
	return `{"apiVersion":"argoproj.io/v1alpha1","kind":"ApplicationList","metadata":{"resourceVersion":"` + version + `"},"items":[` + strings.Join(objects, ",") + `]}`
}

// synced is an application whose history has some entries, the last of which is
// that of the last operation.
func synced(version string, ids ...int) string {
	var history []string
	for _, id := range ids {
		history = append(history, fmt.Sprintf(`{"id":%d,"revision":"r%d","deployStartedAt":%q,"deployedAt":%q}`, id, id, at(id), at(id)))
	}
	last := ids[len(ids)-1]
	return fmt.Sprintf(`{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":"shop","namespace":"argocd","uid":"u-1","resourceVersion":%q},"spec":{},"status":{"history":[%s],"operationState":{"phase":"Succeeded","startedAt":%q,"finishedAt":%q,"operation":{"sync":{}},"syncResult":{"revision":"r%d"}}}}`,
		version, strings.Join(history, ","), at(last), at(last), last)
}

// An API server forgets what it said: then there is history.
func TestAWatchThatIsTooOldIsBegunAnewWithAList(t *testing.T) {
	s := &scripted{answers: []string{
		listOf("10", synced("9", 0)),
		`{"type":"BOOKMARK","object":{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"resourceVersion":"12"}}}`,
		`{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version","reason":"Expired","code":410}}`,
		listOf("20", synced("19", 0, 1, 2)),
		`{"type":"MODIFIED","object":` + synced("21", 0, 1, 2, 3) + `}`,
	}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	i := install(t, &gitops.ArgoConfig{Watch: gitops.Watch{Kubeconfig: kubeconfig(t, server.URL)}})
	i.start()
	i.has(saysArgo, "shop Succeeded r0", "shop history [{r1}]", "shop Succeeded r2", "shop Succeeded r3")
	if want := []string{"list", "watch 10", "watch 12", "list", "watch 20"}; !slices.Equal(s.all(), want) {
		t.Errorf("asked was %q, and expected %q", s.all(), want)
	}
}

func TestWhatIsNotStoredIsStoredWhenItCanBe(t *testing.T) {
	s := &scripted{answers: []string{listOf("10", synced("9", 0, 1))}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	kind, sink := &gitops.ArgoConfig{Watch: gitops.Watch{Kubeconfig: kubeconfig(t, server.URL)}}, &ingesttest.Recorder{}
	run := func() (stop func()) {
		running, err := kind.Open(sink.Intake(ingesttest.Source(kind, "gitops", "prod-eu"), time.Now))
		if err != nil {
			t.Fatal(err)
		}
		return ingesttest.Run(t, running.Run)
	}
	stop := run()
	eventually(t, "all is stored", func() bool { return len(sink.Events()) == 2 })
	stop()
	s.mu.Lock()
	s.answers = []string{listOf("20", synced("19", 0, 1, 2))}
	s.onAnswer = func() { sink.FailWith(errors.New("the disk is full")) }
	s.mu.Unlock()
	run()
	eventually(t, "the list is read again", func() bool { return len(s.all()) > 1 })
	sink.FailWith(nil)
	eventually(t, "the rest is stored", func() bool { return len(sink.Events()) == 3 })
}

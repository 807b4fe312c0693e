package demo_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sidedoor/ingest/github"
	"sidedoor/internal/demo"
)

// doors are what a running Sidedoor would be: they check each request as it
// would and keep the bodies by source.
type doors struct {
	*httptest.Server
	t      *testing.T
	bodies map[string][][]byte
}

func open(t *testing.T) (*doors, demo.Endpoints) {
	d := &doors{t: t, bodies: map[string][][]byte{}}
	bearer := func(token string) func(*http.Request, []byte) bool {
		return func(r *http.Request, _ []byte) bool { return r.Header.Get("Authorization") == "Bearer "+token }
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /cluster", d.take(demo.SourceKubernetes, bearer("k-token")))
	mux.HandleFunc("POST /approvals", d.take(demo.SourceApprovals, bearer("a-token")))
	mux.HandleFunc("POST /github", d.take(demo.SourceGitHub, func(r *http.Request, body []byte) bool {
		want := fmt.Sprintf("sha256=%x", github.Sign("g-secret", body))
		return r.Header.Get("X-Hub-Signature-256") == want && r.Header.Get("X-GitHub-Event") != "" && r.Header.Get("X-GitHub-Delivery") != ""
	}))
	d.Server = httptest.NewServer(mux)
	t.Cleanup(d.Close)
	return d, demo.Endpoints{
		KubernetesURL: d.URL + "/cluster", KubernetesToken: "k-token", ApprovalsURL: d.URL + "/approvals", ApprovalsToken: "a-token",
		GitHubURL: d.URL + "/github", GitHubSecret: "g-secret", CloudTrailFolder: t.TempDir(), Client: d.Client(),
	}
}

func (d *doors) take(source string, authentic func(*http.Request, []byte) bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || !authentic(r, body) {
			d.t.Errorf("%s: not authentic: %v, %v", source, r.Header, err)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		d.bodies[source] = append(d.bodies[source], body)
		w.WriteHeader(http.StatusAccepted)
	}
}

func TestPlayingSendsEveryDeliveryAsItsSourceWould(t *testing.T) {
	sc := load(t)
	d, to := open(t)
	sent := 0
	if err := sc.Play(t.Context(), to, demo.Hooks{Sent: func(demo.Delivery) { sent++ }}); err != nil {
		t.Fatal(err)
	}
	want := map[string][][]byte{}
	files := map[string][]byte{}
	for _, del := range sc.Deliveries() {
		if del.Source == demo.SourceCloudTrail {
			files[del.Name] = del.Body
			continue
		}
		want[del.Source] = append(want[del.Source], del.Body)
	}
	for source := range want {
		if !slices.EqualFunc(d.bodies[source], want[source], bytes.Equal) {
			t.Errorf("%s: %d bodies arrived, want %d, in order and unchanged", source, len(d.bodies[source]), len(want[source]))
		}
	}
	checkFiles(t, to.CloudTrailFolder, files)
	if sent != len(sc.Deliveries()) {
		t.Errorf("the hook was told of %d deliveries, want %d", sent, len(sc.Deliveries()))
	}
}

// checkFiles wants exactly these files below a folder, nothing half-written.
func checkFiles(t *testing.T, folder string, want map[string][]byte) {
	t.Helper()
	found := 0
	err := filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		found++
		name, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		packed, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		zip, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return err
		}
		content, err := io.ReadAll(zip)
		if err != nil {
			return err
		}
		if !bytes.Equal(content, want[filepath.ToSlash(name)]) {
			t.Errorf("%s holds something else", name)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if found != len(want) {
		t.Errorf("there are %d files, want %d", found, len(want))
	}
}

func TestANarratorHearsOfEachBeatOnceAndInOrder(t *testing.T) {
	sc := load(t)
	_, to := open(t)
	var before, after []string
	open, most := 0, 0
	hooks := demo.Hooks{
		BeforeBeat: func(_ context.Context, b demo.Beat) error {
			before = append(before, b.Title)
			open++
			most = max(most, open)
			return nil
		},
		AfterBeat: func(_ context.Context, b demo.Beat) error {
			after = append(after, b.Title)
			open--
			return nil
		},
	}
	if err := sc.Play(t.Context(), to, hooks); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, b := range sc.Beats() {
		want = append(want, b.Title)
	}
	if !slices.Equal(before, want) || !slices.Equal(after, want) {
		t.Errorf("before: %v\nafter: %v\nwant: %v", before, after, want)
	}
	if most != 1 {
		t.Errorf("%d beats were told at once", most)
	}
}

func TestPlayingStopsWhereADoorStaysShut(t *testing.T) {
	_, to := open(t)
	shut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "out of disk", http.StatusServiceUnavailable)
	}))
	defer shut.Close()
	to.GitHubURL = shut.URL
	err := load(t).Play(t.Context(), to, demo.Hooks{})
	if err == nil || !strings.Contains(err.Error(), "out of disk") || !strings.Contains(err.Error(), "github") {
		t.Errorf("want an error that names github and what it answered, got %v", err)
	}
}

func TestPlayingStopsWhenTheNarratorDoes(t *testing.T) {
	_, to := open(t)
	enough := errors.New("enough")
	played := 0
	err := load(t).Play(t.Context(), to, demo.Hooks{BeforeBeat: func(context.Context, demo.Beat) error {
		played++
		return enough
	}})
	if !errors.Is(err, enough) || played != 1 {
		t.Errorf("got %v after %d beats", err, played)
	}
}

package logfile_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sidedoor/ingest/logfile"
)

const corpus = "../../../shared/corpus"

// inner counts the records of a line: those inside, if it wraps any.
func inner(t *testing.T, line []byte) int {
	t.Helper()
	var wrapper struct {
		Records, Items []json.RawMessage
	}
	if err := json.Unmarshal(line, &wrapper); err != nil {
		t.Fatalf("%.80s: %v", line, err)
	}
	return max(1, len(wrapper.Records)+len(wrapper.Items))
}

// known are the records that are none of what their file is called.
var known = map[string]bool{"falco/a-k8saudit.jsonl:25": true} // {"kind": 0}

// TestEveryRecordOfTheCorpusIsReadOrReported reads each file, and holds that
// nothing is lost, and that each kind that this version reads is recognised.
func TestEveryRecordOfTheCorpusIsReadOrReported(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(corpus, "*", "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Skip("NO CORPUS, so this test checks nothing: ", err)
	}
	sources := map[string]string{
		"cloudtrail": "cloudtrail", "k8saudit": "kubernetes", "github-webhook": "github", "github-audit": "github-audit",
		"gitlab-webhook": "gitlab", "ci": "ci", "argocd": "argocd", "flux": "flux",
	}
	for _, file := range files {
		t.Run(filepath.Base(filepath.Dir(file))+"/"+filepath.Base(file), func(t *testing.T) {
			want := 0
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			s := bufio.NewScanner(f)
			s.Buffer(nil, 64<<20)
			for s.Scan() {
				want += inner(t, s.Bytes())
			}
			folder := filepath.Base(filepath.Dir(file))
			kind := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "a-"), ".jsonl")
			if folder == "flux" {
				kind = "flux" // its file is called like Argo CD's
			}
			got, indices := map[string]int{}, map[int]bool{}
			record := func(r logfile.Record) error {
				got[r.Envelope.Source]++
				indices[r.Event.Index] = true
				return nil
			}
			bad := func(b logfile.Bad) {
				got["bad"]++
				indices[b.Index] = true
				if b.Reason == "" || b.File != file || b.Line == 0 {
					t.Errorf("reported without what is needed: %+v", b)
				}
				if sources[kind] != "" && !known[fmt.Sprint(strings.TrimPrefix(file, corpus+"/"), ":", b.Line)] {
					t.Errorf("line %d is not read: %s", b.Line, b.Reason)
				}
			}
			if err := logfile.Walk(t.Context(), []string{file}, logfile.Options{}, record, bad); err != nil {
				t.Fatal(err)
			}
			total := 0
			for _, n := range got {
				total += n
			}
			if total != want || len(indices) != want || !indices[0] || !indices[want-1] {
				t.Errorf("%d records and %d places of %d: %v", total, len(indices), want, got)
			}
			if source := sources[kind]; source != "" && got[source]+got["bad"] != want {
				t.Errorf("%v; want all %d of %s", got, want, source)
			} else if source == "" && got["bad"] != want {
				t.Errorf("%v; want all %d to be reported", got, want)
			}
		})
	}
}

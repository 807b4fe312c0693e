package cloudtrail_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sidedoor/ingest/cloudtrail"
	"sidedoor/ingest/cloudtrail/trailtest"
	"sidedoor/ingest/ingesttest"
)

// The newest digest file of a folder waits for the next one, which has its
// signature.
func TestDigestFilesInAFolderAreCheckedByTheNextOne(t *testing.T) {
	for _, c := range []struct {
		name   string
		attack func(m *morning)
		want   []string
	}{
		{"nothing", func(*morning) {}, []string{"08:00-09:00 complete", "09:00-10:00 complete"}},
		{"a log file is changed", func(m *morning) {
			m.logs[1].Body = changed(m.logs[1].Body, "CreateUser", "CreateUsrr")
		}, []string{"08:00-09:00 complete", "09:00-10:00 altered …it is not what the trail wrote"}},
		{"a log file is deleted", func(m *morning) { m.logs[0].Body = nil },
			[]string{"08:00-09:00 missing …it is gone", "09:00-10:00 complete"}},
		{"a digest file is changed", func(m *morning) {
			m.digests[1].Body = changed(m.digests[1].Body, m.logs[1].Key, m.logs[0].Key)
		}, []string{"08:00-09:00 complete", "09:00-10:00 altered …its signature does not fit"}},
		{"a digest file between others is deleted", func(m *morning) {
			m.digests[1] = m.Digest(nine.Add(3 * time.Hour))
		}, []string{"09:00-10:00 missing …which is not there", "10:00-11:00 complete"}},
		{"a digest file is put in another's place", func(m *morning) { m.digests[1].Body = m.digests[0].Body },
			[]string{"09:00-10:00 altered …was moved"}},
		{"a file with a late name is put beside them", func(m *morning) { m.more = []trailtest.Object{m.fake("2099/01/01", "20990101T000000Z")} },
			[]string{"08:00-09:00 complete", "09:00-10:00 complete"}},
		{"a file is put between them that follows on the same one", func(m *morning) {
			f := m.fake("2026/11/16", "20261116T093000Z")
			f.Body = changed(m.digests[1].Body, m.digests[0].Metadata["signature"], "00")
			m.more = []trailtest.Object{f}
		}, []string{"08:00-09:00 complete", "09:00-10:00 altered …there are two chains"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			trail := trailtest.New("acme-trail", "111122223333", "eu-west-1")
			trail.Prefix = "audit/" // which the copy does not have
			m := newMorning(trail)
			c.attack(m)
			for _, o := range slices.Concat(m.logs[:], m.digests[:], m.more) {
				if o.Body != nil {
					put(t, filepath.Join(dir, strings.TrimPrefix(o.Key, "audit/")), o.Body)
				}
			}
			var ahead atomic.Int64 // of the wall's clock
			clock := func() time.Time { return time.Now().Add(time.Hour + time.Duration(ahead.Load())) }
			sink := &ingesttest.Recorder{}
			cfg := &cloudtrail.Config{Folder: dir, DigestKeys: keysOf(t, m.Trail)}
			if err := cfg.Validate(); err != nil {
				t.Fatal(err)
			}
			running, err := cfg.Open(sink.Intake(ingesttest.Source(cfg, "trail", ""), clock))
			if err != nil {
				t.Fatal(err)
			}
			ingesttest.Run(t, running.Run)
			eventually(t, fmt.Sprint(len(c.want), " proofs"), func() bool {
				ahead.Add(int64(time.Minute)) // what is not there is waited for
				put(t, filepath.Join(dir, fmt.Sprint(ahead.Load(), ".txt")), nil)
				return len(sink.Proofs()) >= len(c.want)
			})
			if got := told(sink.Proofs()); !slices.EqualFunc(got, c.want, alike) {
				t.Errorf("got\n%s", strings.Join(got, "\n"))
			}
		})
	}
}

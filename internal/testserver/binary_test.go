package testserver_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"sidedoor/internal/testserver"
)

func TestAServerThatIsMissingSkipsTheTestButFailsInCI(t *testing.T) {
	for ci, want := range map[string]string{
		"":     "NOT TESTED, because a real server is missing",
		"true": "A REAL SERVER IS MISSING",
	} {
		t.Run("CI="+ci, func(t *testing.T) {
			t.Chdir(t.TempDir())
			t.Setenv("PATH", t.TempDir())
			t.Setenv("CI", ci)
			got := inner(t, func(t testing.TB) { testserver.KubeAPI(t, testserver.Options{}) })
			for _, part := range []string{
				want,
				"etcd is neither in testtools/bin nor on PATH: install it (Debian: apt-get install etcd-server)",
				"kube-apiserver is neither in testtools/bin nor on PATH: `make testtools` builds it",
			} {
				if !strings.Contains(got, part) {
					t.Errorf("the test ended with %q, which lacks %q", got, part)
				}
			}
		})
	}
}

// inner runs a test that is meant to end early, and returns what it said.
func inner(t *testing.T, test func(testing.TB)) string {
	t.Helper()
	tb := &ending{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(tb)
	}()
	<-done
	return tb.said
}

// ending is a test whose end is looked at, not reported.
type ending struct {
	testing.TB
	said string
}

func (e *ending) Fatal(args ...any)                 { e.end(fmt.Sprint(args...)) }
func (e *ending) Fatalf(format string, args ...any) { e.end(fmt.Sprintf(format, args...)) }
func (e *ending) Skipf(format string, args ...any)  { e.end(fmt.Sprintf(format, args...)) }

func (e *ending) end(said string) {
	e.said = said
	runtime.Goexit()
}

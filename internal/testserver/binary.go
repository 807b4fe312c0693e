package testserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// remedies says how each program is had; etcd is the distribution's own,
// because its module does not build outside of its repository.
var remedies = map[string]string{
	"etcd":           "install it (Debian: apt-get install etcd-server)",
	"kube-apiserver": "`make testtools` builds it",
	"versitygw":      "`make testtools` builds it",
}

// require finds the programs a server is made of, or ends the test: skipped on
// a developer's machine, failed in CI.
func require(t testing.TB, programs ...string) map[string]string {
	t.Helper()
	found := map[string]string{}
	var missing error
	for _, name := range programs {
		p, err := find(name)
		if err != nil {
			missing = errors.Join(missing, fmt.Errorf("%s is neither in testtools/bin nor on PATH: %s", name, remedies[name]))
		}
		found[name] = p
	}
	switch {
	case missing == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("A REAL SERVER IS MISSING, and CI has to test with it:\n%v", missing)
	default:
		t.Skipf("NOT TESTED, because a real server is missing:\n%v", missing)
	}
	return found
}

func find(name string) (string, error) {
	if root, err := repository(); err == nil {
		p := filepath.Join(root, "testtools", "bin", name)
		if info, err := os.Stat(p); err == nil && !info.IsDir() {
			return p, nil
		}
	}
	return exec.LookPath(name)
}

// repository is the nearest folder with a go.mod, from the folder of the test
// upwards.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("no go.mod in any folder above %s", dir)
		}
		dir = up
	}
}

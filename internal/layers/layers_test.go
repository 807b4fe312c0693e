package layers

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "sidedoor"

// rooms says which of our rooms each room may import; a room's own folders
// are always allowed, and so is everything under internal/ for cmd alone. The
// longest matching prefix of a package's path names its room.
var rooms = map[string][]string{
	".":        {},
	"event":    {},
	"stream":   {"event"},
	"ingest":   {"event", "stream"},
	"rules":    {"event"},
	"alerting": {"event", "stream"},
	"review":   {"event", "stream"},
	"evidence": {},
	"audit":    {"event", "stream", "evidence", "review", "rules"},
	"console":  {"event", "stream", "ingest", "rules", "alerting", "review", "evidence", "audit"},

	"internal/layers":     {},
	"internal/demo":       {"event", "."},
	"internal/testserver": {}, // for tests, which are not looked at here: no room may import it
	"internal/hostile":    {}, // likewise

	"cmd/sidedoor": {
		".", "event", "stream", "ingest", "rules", "alerting", "review", "evidence", "audit", "console",
		"internal/demo",
	},
	"cmd/sidedoor-verify": {"evidence"},
}

// doors names the only rooms that may import an SDK.
var doors = map[string][]string{
	"github.com/nats-io/":               {"stream"},
	"github.com/slack-go/":              {"alerting/slack"},
	"github.com/aws/":                   {"ingest/objects", "ingest/cloudtrail", "internal/testserver"},
	"k8s.io/client-go":                  {"ingest/gitops"},
	"github.com/prometheus/":            {"stream", "ingest", "alerting", "cmd/sidedoor"},
	"github.com/alecthomas/kong":        {"cmd/sidedoor"},
	"github.com/schollz/progressbar/v3": {"cmd/sidedoor"},
}

// verifierOnly is all that the verifier may be built from beside the standard
// library.
const verifierOnly = "golang.org/x/mod/sumdb"

func TestEveryRoomImportsOnlyWhatTheTableAllows(t *testing.T) {
	seen := map[string]bool{}
	for _, im := range imports(t) {
		room := roomOf(im.from)
		if room == "" {
			t.Errorf("%s: no room of the table holds package %q: add it to the table, or move it", im.file, im.from)
			continue
		}
		seen[room] = true
		checkImport(t, room, im)
	}
	for room := range rooms {
		if !seen[room] && room != "internal/layers" && room != "console" {
			t.Errorf("the table has a room %q and the tree has none", room)
		}
	}
}

func checkImport(t *testing.T, room string, im imported) {
	t.Helper()
	if ours, ok := strings.CutPrefix(im.to, module); ok && (ours == "" || ours[0] == '/') {
		to := roomOf(strings.TrimPrefix(ours, "/"))
		if to != room && !contains(rooms[room], to) {
			t.Errorf("%s: room %s must not import room %s (%s); stages meet on streams, with the nouns of event", im.file, room, to, im.to)
		}
		return
	}
	for sdk, allowed := range doors {
		if strings.HasPrefix(im.to, sdk) && !underAny(im.from, allowed) {
			t.Errorf("%s: %s has one door, and %s is not it (%v are)", im.file, im.to, im.from, allowed)
		}
	}
	if room == "evidence" && strings.Contains(strings.Split(im.to, "/")[0], ".") && !strings.HasPrefix(im.to, verifierOnly) {
		t.Errorf("%s: the verifier is built from the standard library and %s only, not from %s", im.file, verifierOnly, im.to)
	}
}

type imported struct{ file, from, to string }

// imports lists every import of every file that goes into a build. Tests may
// import more, since they check rooms against each other.
func imports(t *testing.T) []imported {
	t.Helper()
	root := filepath.Join("..", "..")
	var all []imported
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "testdata" || (strings.HasPrefix(d.Name(), ".") && p != root)) {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(p, ".go") || strings.HasSuffix(p, "_test.go") {
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		file := filepath.ToSlash(rel)
		all = append(all, imported{file: file, from: path.Dir(file), to: "unsafe"})
		for _, spec := range f.Imports {
			to, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			all = append(all, imported{file: file, from: path.Dir(file), to: to})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func roomOf(pkg string) string {
	if pkg == "" {
		return "."
	}
	for p := pkg; ; p = path.Dir(p) {
		if _, ok := rooms[p]; ok && (p != "." || pkg == ".") {
			return p
		}
		if p == "." {
			return ""
		}
	}
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}

func underAny(pkg string, rooms []string) bool {
	for _, r := range rooms {
		if pkg == r || strings.HasPrefix(pkg, r+"/") {
			return true
		}
	}
	return false
}

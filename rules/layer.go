package rules

import (
	"io/fs"
	"path/filepath"
	"strings"

	"sidedoor/event"
	"sidedoor/rules/sigma"
)

// Layer is a policy folder, or one file, that is laid over those before it.
type Layer struct {
	FS fs.FS
	// File is the only file of FS to be read; empty: all YAML files.
	File string
	// Path is what people call the folder. It stands before the names of its
	// files wherever these are shown, so that an editor finds them.
	Path string
}

// LoadLayers is [Load] for layers that have names. What comes out can all be in
// force. A rule that turns out to be faulty only when all layers are known
// takes no sound one of an earlier layer down with it: that one stays.
func LoadLayers(layers ...Layer) (*Policy, sigma.Faults) {
	barred := map[place]sigma.Faults{}
	for {
		l := loadLayers(layers, barred)
		l.faults = append(l.faults, l.policy.prune()...)
		if !l.bar() {
			return l.policy, l.faults.Unique()
		}
	}
}

func loadLayers(layers []Layer, barred map[place]sigma.Faults) *loader {
	l := &loader{
		policy: &Policy{Estate: Estate{Lists: map[string][]string{}}}, barred: barred, replacing: map[place]sigma.Document{},
		told: map[declared]told{},
	}
	for _, f := range layers {
		l.layer(f)
	}
	l.check()
	l.policy.settle()
	return l
}

// place is where a document begins.
type place struct {
	file string
	line int
}

// bar keeps the documents out that took something's place and were rejected
// then, and says whether there are any. Correlations are left for a later turn
// while there are rules: what is wrong with them may be that a rule is missing.
func (l *loader) bar() (any bool) {
	for _, correlations := range []bool{false, true} {
		for _, r := range l.policy.Rejected {
			at := place{r.File, r.Line}
			d, took := l.replacing[at]
			if took && d.Has("correlation") == correlations {
				l.barred[at], any = r.Faults, true
			}
		}
		if any {
			return true
		}
	}
	return false
}

// layer reads a layer's files. One that cannot be read is a fault of its own
// and keeps no other from being read.
func (l *loader) layer(f Layer) {
	l.fresh, l.layerAt = map[declared]bool{}, f
	if f.File != "" {
		l.open(f, f.File)
		return
	}
	err := fs.WalkDir(f.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			l.unreadable(f.name(name), err)
			return nil
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && name != "." {
			return fs.SkipDir // .git, .github, and the ..data of a mounted ConfigMap
		}
		if !d.IsDir() && isYAML(name) {
			l.open(f, name)
		}
		return nil
	})
	if err != nil {
		l.unreadable(f.name("."), err)
	}
}

func (l *loader) open(f Layer, name string) {
	src, err := l.read(f, name)
	if err != nil {
		l.unreadable(f.name(name), err)
		return
	}
	l.file(f.name(name), src)
}

// read reads a file of a layer, and keeps its digest.
func (l *loader) read(f Layer, name string) ([]byte, error) {
	src, err := fs.ReadFile(f.FS, name)
	if err == nil {
		l.keep(f, name, src)
	}
	return src, err
}

// keep keeps the digest of a file of a layer.
func (l *loader) keep(f Layer, name string, src []byte) {
	l.policy.Files = append(l.policy.Files, event.FileVersion{Path: f.name(name), Digest: event.DigestOf(src)})
}

// unreadable reports a file or folder that cannot be read: whatever rules are
// in it are not in force.
func (l *loader) unreadable(name string, err error) {
	f := sigma.Fault{File: name, Line: 1, Column: 1, Message: err.Error()}
	l.policy.Unread = append(l.policy.Unread, f)
	l.reject(Rejected{File: name, Line: 1, Faults: sigma.Faults{f}})
}

// name is what people call a file of the layer.
func (f Layer) name(name string) string {
	if f.Path == "" {
		return name
	}
	return filepath.Join(f.Path, filepath.FromSlash(name))
}

// holdsRules says whether a file is one of rules, and not of controls or of
// the estate.
func holdsRules(name string) bool {
	switch kindOfFile(name) {
	case "controls", "estate":
		return false
	}
	return true
}

// kindOfFile is a file's name without folder and ending, by which files of
// controls and of the estate are known.
func kindOfFile(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(filepath.Base(name), ".yml"), ".yaml")
}

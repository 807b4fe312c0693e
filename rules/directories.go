package rules

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"sidedoor/event"
	"sidedoor/rules/people"
	"sidedoor/rules/sigma"
)

// Directory is an export of a directory that was part of the policy.
type Directory struct {
	Format, File string
	Digest       event.Digest // of the file

	export *people.Export
}

// maxDirectories bounds the exports of a policy.
const maxDirectories = 50

// directory reads an export, from the folder that the estate is in.
func (l *loader) directory(r *reader, node ast.Node) {
	var d Directory
	t := told{Place: r.Place, node: node}
	formatAt := node
	r.mapping(node, "directory", map[string]func(sigma.Pair){
		"format": func(p sigma.Pair) { d.Format, formatAt = r.scalar(p.Value, p.Key), p.Value },
		"file":   func(p sigma.Pair) { d.File, t.node = r.scalar(p.Value, p.Key), p.Value },
	})
	switch {
	case d.File == "":
		r.fault(node, "a directory needs a file: the export")
		return
	case !slices.Contains(people.Formats(), d.Format):
		r.fault(formatAt, "format %q is none of %s%s", d.Format, strings.Join(people.Formats(), ", "), sigma.Suggest(d.Format, people.Formats()))
		return
	case len(l.policy.Estate.Directories) == maxDirectories:
		r.fault(node, "there are more than %d directories", maxDirectories)
		return
	}
	src, err := readExport(l.layerAt.FS, d.File)
	if err != nil {
		r.fault(t.node, "%v", err)
		return
	}
	l.keep(l.layerAt, d.File, src)
	var faults []people.Fault
	d.export, faults = people.Read(d.Format, d.File, src)
	for _, f := range faults {
		r.fault(t.node, "%s", f.Error())
	}
	d.Digest = event.DigestOf(src)
	if l.declare(r, aDirectory, d.File, t) {
		e := &l.policy.Estate
		e.Directories = append(slices.DeleteFunc(e.Directories, func(o Directory) bool { return o.File == d.File }), d)
	}
}

func readExport(folder fs.FS, name string) ([]byte, error) {
	if !fs.ValidPath(name) {
		return nil, fmt.Errorf("file %q is no path below the policy's folder, such as people/users.json", name)
	}
	f, err := folder.Open(name)
	if err != nil {
		return nil, fmt.Errorf("file %q: %w", name, inFolder(err))
	}
	defer func() { _ = f.Close() }() // it was only read
	src, err := io.ReadAll(io.LimitReader(f, people.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("file %q: %w", name, inFolder(err))
	}
	return src, nil
}

// inFolder leaves out the path, which the caller has said.
func inFolder(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// roster is who is known.
func (e Estate) roster() *people.Roster {
	return &people.Roster{People: e.People, Services: e.Services, Groups: e.Groups}
}

// merge completes the roster from the exports.
func (l *loader) merge(e *Estate) {
	var exports []people.Source
	for _, d := range e.Directories {
		exports = append(exports, people.Source{File: d.File, Export: d.export})
	}
	r := e.roster()
	faults := r.Merge(exports)
	e.People, e.Services, e.Groups = r.People, r.Services, r.Groups
	for _, f := range faults {
		at := l.directoryOf([]string{f.File})
		l.faults = append(l.faults, at.At(at.node, "%s", f.Error()))
	}
}

// directoryOf returns where estate.yaml names the first of the files.
func (l *loader) directoryOf(files []string) told {
	for _, f := range files {
		if t, ok := l.told[declared{aDirectory, f}]; ok {
			return t
		}
	}
	return told{}
}

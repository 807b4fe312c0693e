package rules

import (
	"cmp"
	"encoding/json"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"sidedoor/event"
	"sidedoor/rules/sigma"
)

// Policy is what is in force: rules, controls, estate.
type Policy struct {
	Rules        []*Rule        // by name
	Correlations []*Correlation // likewise
	Filters      []*Filter      // likewise; the rules have those that are for them
	Controls     []Control
	Estate       Estate
	Rejected     []Rejected // by place: what is not in force
	// Unread are the files and folders that could not be read, of which nobody
	// knows what is in them.
	Unread sigma.Faults
	// Files are the files that were read, in the order in which they were, and By
	// and Commit are for the caller to fill in: who loaded them, and what their
	// folder's version control calls them, in the Repository of that name.
	Files                  []event.FileVersion
	By, Commit, Repository string
	// Digest identifies all of it together.
	Digest event.Digest
}

// Rule is a Sigma rule and what its match means. At most one of Act, Approval
// and Revocation is set, and none if it only states facts.
type Rule struct {
	*sigma.Rule
	// Digest is that of the rule's document, byte for byte, with its filters.
	Digest     event.Digest
	Act        *Act
	Approval   *Approval
	Revocation *Revocation
	Facts      []Fact
	Tests      []Test
}

// Ref names the rule in matches and records.
func (r *Rule) Ref() event.RuleRef {
	return event.RuleRef{ID: r.ID, Name: r.Name, Title: r.Title, Level: event.Level(r.Level), Digest: r.Digest}
}

// Load reads policy folders and lays the later ones over the earlier: a rule
// replaces one of the same name or ID, a control one of the same ID, a list or
// person one of the same name. It returns what can be in force, and all faults.
func Load(folders ...fs.FS) (*Policy, sigma.Faults) {
	layers := make([]Layer, len(folders))
	for i, f := range folders {
		layers[i].FS = f
	}
	return LoadLayers(layers...)
}

// loader collects a policy and what is wrong with it.
type loader struct {
	policy *Policy
	faults sigma.Faults
	fresh  map[declared]bool // by the folder at hand
	named  []namedPerson

	layerAt   Layer                    // the folder at hand
	told      map[declared]told        // where the estate tells of what
	barred    map[place]sigma.Faults   // what must not replace anything, and why
	replacing map[place]sigma.Document // what replaced something of an earlier folder
}

// declared is something that a folder may declare once: a rule by its name or
// its id, a control, a person.
type declared struct{ what, name string }

// namedPerson is where a control names somebody.
type namedPerson struct {
	place sigma.Place
	node  ast.Node
	name  string
}

// again says whether the folder declares something a second time.
func (l *loader) again(what, name string) bool {
	d := declared{what, name}
	again := l.fresh[d]
	l.fresh[d] = true
	return again
}

func isYAML(name string) bool {
	return strings.HasSuffix(name, ".yml") || strings.HasSuffix(name, ".yaml")
}

func (l *loader) file(name string, src []byte) {
	if fault, found := unreasonable(name, src); found {
		l.unparsed(name, sigma.Faults{fault})
		return
	}
	docs, faults := sigma.ParseDocuments(name, src)
	l.unparsed(name, faults)
	read := l.rule
	switch kindOfFile(name) {
	case "controls":
		read = l.controls
	case "estate":
		read = l.estate
	default:
		docs, faults = sigma.Collect(docs)
		l.unparsed(name, faults)
	}
	for _, d := range docs {
		read(d)
	}
}

func (l *loader) rule(d sigma.Document) {
	switch {
	case d.Has("filter"):
		l.filter(d)
		return
	case d.Has("correlation"):
		l.correlation(d)
		return
	}
	base, faults := sigma.ParseRule(d)
	if len(faults) > 0 {
		l.rejectRule(base, faults)
		return
	}
	r := &Rule{Rule: base}
	rd := &reader{Place: d.Place}
	rd.meaning(r)
	// A match is identified by its rule's id, so no rule may lack one.
	r.Name, r.ID = cmp.Or(r.Name, r.ID), cmp.Or(r.ID, r.Name)
	if l.admit(rd, d, r.Name, r.ID) {
		l.policy.Rules = append(l.policy.Rules, r)
	}
}

// admit makes room for a rule or correlation, in place of one of the same name
// or ID in an earlier folder; not if it has faults, or is the folder's second.
func (l *loader) admit(rd *reader, d sigma.Document, name, id string) bool {
	at := place{d.File, d.Line}
	rd.faults = append(rd.faults, l.barred[at]...)
	switch {
	case len(rd.faults) > 0: // it takes no name from a sound rule
	case name == "":
		rd.fault(d.Root, "a rule needs a name or an id")
	case l.again("rule", name):
		rd.fault(d.Root, "there is another rule %q in this folder", name)
	case l.again("id", id):
		rd.fault(d.Root, "there is another rule with the id %s in this folder", id)
	}
	if len(rd.faults) > 0 {
		l.reject(Rejected{File: d.File, Line: d.Line, Name: cmp.Or(name, id), Faults: rd.faults})
		return false
	}
	p := l.policy
	before := len(p.Rules) + len(p.Correlations)
	p.Rules = slices.DeleteFunc(p.Rules, func(o *Rule) bool { return o.Name == name || o.ID == id })
	p.Correlations = slices.DeleteFunc(p.Correlations, func(o *Correlation) bool { return o.Name == name || o.ID == id })
	if len(p.Rules)+len(p.Correlations) < before {
		l.replacing[at] = d
	}
	return true
}

// checkPeople finds what is wrong with who is who, and owners and reviewers that
// the estate does not know.
func (l *loader) checkPeople() {
	l.checkRoster()
	known := l.policy.Estate.roster().Index().People
	for _, n := range l.named {
		if !slices.Contains(known, n.name) {
			l.faults = append(l.faults, n.place.At(n.node, "the estate has no person %q%s", n.name, sigma.Suggest(n.name, known)))
		}
	}
}

// Document is the text of a rule or of a correlation.
type Document struct {
	Name   string
	Digest event.Digest // of Text
	Text   []byte
}

// Documents returns what a verdict may go back to: the rules, then the
// correlations.
func (p *Policy) Documents() []Document {
	out := make([]Document, 0, len(p.Rules)+len(p.Correlations))
	for _, r := range p.Rules {
		out = append(out, Document{r.Name, r.Digest, r.Document})
	}
	for _, c := range p.Correlations {
		out = append(out, Document{c.Name, c.Digest, c.Document})
	}
	return out
}

func (p *Policy) digest() event.Digest {
	type version struct {
		Name   string
		Digest event.Digest
	}
	docs := p.Documents()
	versions := make([]version, len(docs))
	for i, d := range docs {
		versions[i] = version{d.Name, d.Digest}
	}
	b, err := json.Marshal(struct {
		Rules    []version
		Filters  []event.RuleVersion `json:",omitempty"`
		Controls []Control
		Estate   Estate
	}{versions, p.filterVersions(), p.Controls, p.Estate})
	if err != nil {
		panic(err) // strings, numbers and lists of them
	}
	return event.DigestOf(b)
}

// SourceInfo is a source that is in force.
type SourceInfo struct {
	Name, Product, Service string
	Skew                   time.Duration // by how much its clock may differ from others
}

// Announce describes the policy for the stream, with the kinds of approval
// that each source can yield under its rules.
func (p *Policy) Announce(loaded time.Time, version string, sources []SourceInfo) event.Policy {
	out := event.Policy{
		Digest: p.Digest, Loaded: loaded, Version: version, Rejected: p.announceRejected(), Filters: p.filterVersions(),
		Controls: p.controlVersions(), Estate: p.Estate.versions(),
		Files: p.Files, By: p.By, Commit: p.Commit, Repository: p.Repository,
	}
	for _, d := range p.Documents() {
		out.Rules = append(out.Rules, event.RuleVersion{Name: d.Name, Digest: d.Digest})
	}
	for _, s := range sources {
		out.Sources = append(out.Sources, event.SourcePolicy{
			Name: s.Name, Product: s.Product, Service: s.Service, Provides: p.provides(s), Skew: s.Skew,
		})
	}
	return out
}

func (p *Policy) provides(s SourceInfo) []string {
	kinds := map[string]bool{}
	for _, r := range p.Rules {
		ls := r.LogSource
		if r.Approval != nil && ls.Category == "" && (ls.Product == "" || ls.Product == s.Product) &&
			(ls.Service == "" || ls.Service == s.Service) {
			kinds[r.Approval.Kind] = true
		}
	}
	return slices.Sorted(maps.Keys(kinds))
}

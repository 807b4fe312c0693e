package demo

import (
	"fmt"
	"io/fs"
	"time"

	"github.com/goccy/go-yaml"

	"sidedoor/event"
)

// Beat is one turn of the story: something happens that Sidedoor has to judge.
//
//	at: Mon 09:41
//	title: Two replicas more
//	telling: Lena scales checkout by hand.
//	expect: {rule: k8s-direct-change, verdict: bypass, actor: lena}
//	events:
//	  - kubectl: {by: lena, verb: patch, namespace: checkout, objects: [deployments/checkout-api]}
type Beat struct {
	At      time.Time
	Until   time.Time // its last event
	Title   string
	Telling string // one sentence for the terminal
	// Expect are the judgements that the beat leads to; empty, if it only
	// changes those of an earlier beat.
	Expect []Expect

	silent bool // a source says nothing in it
}

// Expect is what a rule has to say about an act.
type Expect struct {
	Rule    string      `yaml:"rule"`
	Verdict event.State `yaml:"verdict"`
	// Becomes is what a later beat turns the verdict into, if one does.
	Becomes event.State `yaml:"becomes"`
	Actor   string      `yaml:"actor"` // person of the estate
	// Acts is how many acts there are. Zero: one.
	Acts int `yaml:"acts"`
	// Why is what the decisive approval was worth in the end, if the story is
	// about that.
	Why event.Why `yaml:"why"`
}

// Final is the verdict that stands at the end of the week.
func (e Expect) Final() event.State {
	if e.Becomes != "" {
		return e.Becomes
	}
	return e.Verdict
}

// Decided returns what the decisive approval of a verdict was worth; nothing if
// none came near.
func Decided(v *event.Verdict) event.Why {
	if len(v.Considered) == 0 {
		return ""
	}
	return v.Considered[0].Why
}

// beatFile is beats.yaml.
type beatFile struct {
	Beats []struct {
		At      string   `yaml:"at"`
		Title   string   `yaml:"title"`
		Telling string   `yaml:"telling"`
		Expect  *Expect  `yaml:"expect"`
		Also    []Expect `yaml:"also"`
		Events  []form   `yaml:"events"`
	} `yaml:"beats"`
}

// loadBeats reads the beats and lets the scribe write down their events.
func loadBeats(fsys fs.FS, s *scribe) ([]*Beat, error) {
	var file beatFile
	if err := readYAML(fsys, "beats.yaml", &file, yaml.Strict()); err != nil {
		return nil, err
	}
	var beats []*Beat
	for _, told := range file.Beats {
		at, err := s.moment(told.At)
		if err != nil {
			return nil, fmt.Errorf("scenario: beats.yaml: %q: at: %w", told.Title, err)
		}
		b := &Beat{At: at, Until: at, Title: told.Title, Telling: told.Telling, Expect: told.Also}
		if told.Expect != nil {
			b.Expect = append([]Expect{*told.Expect}, told.Also...)
		}
		part := s.part("beat " + told.Title)
		part.beat = b
		for i, f := range told.Events {
			if err := f.write(part, at); err != nil {
				return nil, fmt.Errorf("scenario: beats.yaml: %q: event %d: %w", told.Title, i, err)
			}
		}
		s.commits[told.Title] = part.commit
		beats = append(beats, b)
	}
	return beats, nil
}

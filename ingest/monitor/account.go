package monitor

import (
	"context"
	"fmt"
	"slices"

	"sidedoor/event"
)

// manifests tells what is newly wrong by the manifests that were put on record
// since the last one told.
func (m *Monitor) manifests(ctx context.Context) error {
	var fresh []event.Manifest
	to := m.memory.Records
	err := m.Stream.ReadRecordsOf(ctx, event.TypeManifest, "", m.memory.Records, func(seq uint64, r event.Record) error {
		to = seq
		if b, ok := r.Body.(*event.Manifest); ok && (wrong(b.Completeness) || b.Reused > 0) {
			fresh = append(fresh, *b)
		}
		return nil
	})
	if err != nil || to == m.memory.Records {
		return err
	}
	var notes []Note
	for _, b := range fresh {
		before, err := m.before(ctx, b)
		if err != nil {
			return err
		}
		notes = append(notes, m.notesOfHour(b, before)...)
	}
	m.memory.Records = to
	if len(notes) == 0 {
		return nil // the next process may read them again
	}
	return m.tell(ctx, notes...)
}

func wrong(c event.Completeness) bool { return c == event.Missing || c == event.Altered }

// before are the revisions of a manifest before it.
func (m *Monitor) before(ctx context.Context, b event.Manifest) (all []event.Manifest, err error) {
	id := b.Source + "." + string(b.Hour)
	err = m.Stream.ReadRecordsOf(ctx, event.TypeManifest, id, 0, func(_ uint64, r event.Record) error {
		if old, ok := r.Body.(*event.Manifest); ok && old.Revision < b.Revision {
			all = append(all, *old)
		}
		return nil
	})
	return all, err
}

// notesOfHour says what a manifest says for the first time: once for each verdict
// of an hour, and for each more of events that reuse an id. What it says depends
// on the manifests alone.
func (m *Monitor) notesOfHour(b event.Manifest, before []event.Manifest) (notes []Note) {
	known := slices.ContainsFunc(before, func(old event.Manifest) bool { return old.Completeness == b.Completeness })
	if wrong(b.Completeness) && !known {
		n := m.noteOfHour(SourceIncomplete, b, string(b.Completeness))
		for _, p := range b.Proofs {
			if p.Verdict != event.Complete {
				n.blame(p)
			}
		}
		notes = append(notes, n)
	}
	known = slices.ContainsFunc(before, func(old event.Manifest) bool { return old.Reused >= b.Reused })
	if b.Reused > 0 && !known {
		n := m.noteOfHour(IDsReused, b, fmt.Sprint(b.Reused))
		n.Reused = b.Reused
		notes = append(notes, n)
	}
	return notes
}

func (m *Monitor) noteOfHour(kind Kind, b event.Manifest, what string) Note {
	return Note{
		ID: identity(kind, b.Source+"\n"+string(b.Hour)+"\n"+what), Time: m.Now().UTC(), Kind: kind,
		SourceNote: &SourceNote{Source: b.Source, Product: b.Product, Service: b.Service},
		HourNote:   &HourNote{Hour: b.Hour, Revision: b.Revision, Completeness: b.Completeness},
	}
}

// Bounds of what a note names.
const (
	maxFaults = 10
	maxParts  = 10
)

// blame adds what a proof finds.
func (n *Note) blame(p event.Proof) {
	if !slices.Contains(n.Proof, p.Kind) {
		n.Proof = append(n.Proof, p.Kind)
	}
	if p.Part != "" && len(n.Parts) < maxParts && !slices.Contains(n.Parts, p.Part) {
		n.Parts = append(n.Parts, p.Part)
	}
	n.Faults = append(n.Faults, p.Faults[:min(len(p.Faults), maxFaults-len(n.Faults))]...)
}

package evidence

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// PopulationRoot digests the IDs of a population: each behind its length, in
// the order given, which has to be sorted.
func PopulationRoot(ids []string) [sha256.Size]byte {
	h := sha256.New()
	h.Write([]byte("sidedoor-population-v1\n"))
	for _, id := range ids {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(id)))
		h.Write(n[:])
		h.Write([]byte(id))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// Draw returns the first n items of a population by ticket. The ticket of an
// item is the SHA-256 of the seed, the population's root and the item's ID;
// nobody who does not know the seed when the population is frozen can choose
// what is drawn, and a larger sample begins with the smaller one.
//
// Method: consistent sampling as in election audits, Rivest 2018.
func Draw(ids []string, root, seed string, n int) []string {
	type ticket struct {
		sum [sha256.Size]byte
		id  string
	}
	tickets := make([]ticket, len(ids))
	for i, id := range ids {
		tickets[i] = ticket{sha256.Sum256([]byte("sidedoor-sample-v1\n" + seed + "\n" + root + "\n" + id + "\n")), id}
	}
	slices.SortFunc(tickets, func(a, b ticket) int { return slices.Compare(a.sum[:], b.sum[:]) })
	out := make([]string, 0, min(n, len(tickets)))
	for _, t := range tickets[:min(max(n, 0), len(tickets))] {
		out = append(out, t.id)
	}
	return out
}

// Population is the list that a sample is drawn from, as it stands in
// population.json.
type Population struct {
	IDs []string `json:"ids"` // sorted, each once
}

// drawRecord is the record of a draw.
type drawRecord struct {
	Type string `json:"type"`
	Body struct {
		Population string   `json:"population"`
		Count      int      `json:"count"`
		Seed       string   `json:"seed"`
		Size       int      `json:"size"`
		Items      []string `json:"items"`
	} `json:"body"`
}

// draw draws the sample again.
func (e *exportCheck) draw() error {
	var p struct {
		Population
		About struct {
			Items []struct {
				ID string `json:"id"`
			} `json:"items"`
		} `json:"about"`
	}
	var s ManifestRecord
	for path, to := range map[string]any{populationFile: &p, sampleFile: &s} {
		if err := e.json(path, to); err != nil {
			return err
		}
	}
	for i, id := range p.IDs {
		if i > 0 && p.IDs[i-1] >= id {
			return fmt.Errorf("%s: the population is not sorted, each once", populationFile)
		}
		if i >= len(p.About.Items) || p.About.Items[i].ID != id {
			return fmt.Errorf("%s: what it tells about %s is of another item", populationFile, id)
		}
	}
	rec, err := e.proven(s)
	if err != nil {
		return fmt.Errorf("the draw: %w", err)
	}
	var r drawRecord
	if err := json.Unmarshal(rec, &r); err != nil || r.Type != "sample" {
		return fmt.Errorf("%s is no record of a draw", s.Record)
	}
	if err := e.told(rec); err != nil {
		return err
	}
	return e.redraw(p.Population, r)
}

func (e *exportCheck) json(path string, to any) error {
	b, err := e.read(path, maxDocument)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, to); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// told checks that sample.json, which people read, says what the record says.
func (e *exportCheck) told(rec []byte) error {
	var record struct {
		Body map[string]any `json:"body"`
	}
	var told map[string]any
	if err := json.Unmarshal(rec, &record); err != nil {
		return err
	}
	if err := e.json(sampleFile, &told); err != nil {
		return err
	}
	delete(told, "record")
	delete(told, "proof")
	if !reflect.DeepEqual(told, record.Body) {
		return fmt.Errorf("%s does not say what the record of the draw says", sampleFile)
	}
	return nil
}

// redraw compares the record of the draw with a draw made anew.
func (e *exportCheck) redraw(p Population, r drawRecord) error {
	root := PopulationRoot(p.IDs)
	if hex.EncodeToString(root[:]) != r.Body.Population || len(p.IDs) != r.Body.Count {
		return fmt.Errorf("%s is not the population of %d that the draw was made from", populationFile, r.Body.Count)
	}
	again := Draw(p.IDs, r.Body.Population, r.Body.Seed, r.Body.Size)
	if !slices.Equal(again, r.Body.Items) {
		return errors.New("the draw was not made as it says: drawing again with its seed gives other items")
	}
	ids := make([]string, len(e.manifest.Items))
	for i, it := range e.manifest.Items {
		ids[i] = it.ID
	}
	if !slices.Equal(ids, again) {
		return fmt.Errorf("the folder's items are not those that were drawn: %d of %d", len(ids), len(again))
	}
	return nil
}

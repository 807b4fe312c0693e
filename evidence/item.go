package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// item checks that an item's records are proven, that they are of the item,
// and that each verdict among them comes with its raw event and its rule.
func (e *exportCheck) item(item ManifestItem) error {
	records := make([]body, len(item.Records))
	verdicts := map[string]body{} // by path
	for i, rec := range item.Records {
		b, err := e.proven(rec)
		if err != nil {
			return err
		}
		if err := json.Unmarshal(b, &records[i]); err != nil {
			return fmt.Errorf("%s: %w", rec.Record, err)
		}
		if records[i].Type == "verdict" {
			verdicts[rec.Record] = records[i]
		}
	}
	around := circleOf(item.ID, records)
	if around.empty() {
		return errors.New("none of its records is of it")
	}
	for i, r := range records {
		if !around.holds(r) {
			return fmt.Errorf("%s is not about it", item.Records[i].Record)
		}
	}
	if err := e.events(item, verdicts); err != nil {
		return err
	}
	return e.rules(item, verdicts)
}

// events checks an item's raw events.
func (e *exportCheck) events(item ManifestItem, verdicts map[string]body) error {
	shown := map[string]bool{} // by verdict
	for _, ev := range item.Events {
		v, ok := verdicts[ev.Verdict]
		if !ok {
			return fmt.Errorf("%s belongs to %s, which is no proven verdict of the item", ev.Path, ev.Verdict)
		}
		if err := e.event(ev, v); err != nil {
			return err
		}
		shown[v.Body.ID] = true
	}
	for _, path := range slices.Sorted(maps.Keys(verdicts)) {
		if !shown[verdicts[path].Body.ID] {
			return fmt.Errorf("the raw event of %s is missing", path)
		}
	}
	return nil
}

// rules checks the texts of an item's rules against the digests that the
// verdicts recorded.
func (e *exportCheck) rules(item ManifestItem, verdicts map[string]body) error {
	shown := map[string]bool{} // by digest
	for _, rule := range item.Rules {
		v, ok := verdicts[rule.Verdict]
		if !ok {
			return fmt.Errorf("%s belongs to %s, which is no proven verdict of the item", rule.Path, rule.Verdict)
		}
		text, err := e.read(rule.Path, maxDocument)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(text)
		if hex.EncodeToString(sum[:]) != v.Body.Rule.Digest {
			return fmt.Errorf("%s is not the rule that %s was made by", rule.Path, rule.Verdict)
		}
		shown[v.Body.Rule.Digest] = true
	}
	for _, path := range slices.Sorted(maps.Keys(verdicts)) {
		if !shown[verdicts[path].Body.Rule.Digest] {
			return fmt.Errorf("the rule of %s is missing", path)
		}
	}
	return nil
}

// proven reads a record and checks its proof.
func (e *exportCheck) proven(rec ManifestRecord) ([]byte, error) {
	b, err := e.read(rec.Record, maxEntry)
	if err != nil {
		return nil, err
	}
	p, err := e.proof(rec.Proof)
	if err != nil {
		return nil, err
	}
	if err := p.Check(b, e.report.Checkpoint.Root); err != nil {
		return nil, fmt.Errorf("%s is not proven under the checkpoint: %w", rec.Record, err)
	}
	return b, nil
}

func (e *exportCheck) proof(path string) (Proof, error) {
	var p Proof
	b, err := e.read(path, maxProof)
	if err != nil {
		return p, err
	}
	if err := json.Unmarshal(b, &p); err != nil {
		return p, fmt.Errorf("%s: %w", path, err)
	}
	if p.Size != e.report.Checkpoint.Size {
		return p, fmt.Errorf("%s: it is for a ledger of %d records, the checkpoint is of %d", path, p.Size, e.report.Checkpoint.Size)
	}
	return p, nil
}

// Redacted stands in a raw event for what was taken out of it on arrival.
const Redacted = "[redacted]"

// event checks a raw event against the digest that its verdict recorded when
// the event arrived.
func (e *exportCheck) event(ev ManifestEvent, v body) error {
	raw, err := e.read(ev.Path, maxDocument)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(raw)
	if hex.EncodeToString(sum[:]) == v.Body.Event.Digest {
		return nil
	}
	if ev.Redacted && bytes.Contains(raw, []byte(Redacted)) {
		e.report.Redacted++
		return nil
	}
	return fmt.Errorf("%s is not the event that %s was made from", ev.Path, ev.Verdict)
}

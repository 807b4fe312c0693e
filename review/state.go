package review

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"sidedoor/event"
)

// campaign is the review of one control in one week.
type campaign struct {
	control string
	week    Week
}

// State is the state of all reviews. One goroutine uses it.
type State struct {
	controls map[string]Control
	through  uint64
	alerts   map[string]*tracked
	signed   map[campaign]*event.SignOff
	// undetermined holds the verdicts that are undetermined now, by campaign,
	// and their campaigns.
	undetermined map[campaign]map[string]bool
	campaignOf   map[string]campaign
}

// New returns the state before the first record.
func New(controls []Control) *State {
	s := &State{
		controls: map[string]Control{}, alerts: map[string]*tracked{}, signed: map[campaign]*event.SignOff{},
		undetermined: map[campaign]map[string]bool{}, campaignOf: map[string]campaign{},
	}
	for _, c := range controls {
		s.controls[c.ID] = c
	}
	return s
}

// Apply folds the next record. seq is its sequence: 1 for the first, and no
// gaps, since a sign-off says how many records it was made of.
func (s *State) Apply(seq uint64, raw []byte) error {
	if seq != s.through+1 {
		return fmt.Errorf("record %d follows record %d: a record is missing", seq, s.through)
	}
	r, err := event.ParseRecord(raw)
	if err != nil {
		return fmt.Errorf("record %d: %w", seq, err)
	}
	switch body := r.Body.(type) {
	case *event.Alert:
		s.applyAlert(*body)
	case *event.Verdict:
		s.applyVerdict(*body)
	case *event.Review:
		err = s.applyReview(Entry{Review: *body, Time: r.Time})
	case *event.SignOff:
		err = s.applySignOff(body)
	}
	if err != nil {
		return fmt.Errorf("record %d: %w", seq, err)
	}
	s.through = seq
	return nil
}

// Alerts returns the items that f chooses, oldest first.
func (s *State) Alerts(f Filter) []Item {
	var items []Item
	for _, t := range s.alerts {
		if i := t.item(); f.chooses(i) {
			items = append(items, i)
		}
	}
	slices.SortFunc(items, func(a, b Item) int {
		return cmp.Or(a.Alert.First.Compare(b.Alert.First), strings.Compare(a.Alert.ID, b.Alert.ID))
	})
	return items
}

// Alert returns the item with that ID, or the only one whose ID begins so.
func (s *State) Alert(id string) (Item, error) {
	if t, ok := s.alerts[id]; ok {
		return t.item(), nil
	}
	var found []string
	for full := range s.alerts {
		if id != "" && strings.HasPrefix(full, strings.ToLower(id)) {
			found = append(found, full)
		}
	}
	switch len(found) {
	case 0:
		return Item{}, fmt.Errorf("no alert's ID begins with %q; list the alerts to see their IDs", id)
	case 1:
		return s.alerts[found[0]].item(), nil
	}
	slices.Sort(found)
	return Item{}, fmt.Errorf("%d alerts' IDs begin with %q: %s; give more of it", len(found), id, list(found[:min(len(found), 5)]))
}

// Undetermined returns how many acts of the control and week cannot be judged
// as of now.
func (s *State) Undetermined(control string, w Week) int {
	return len(s.undetermined[campaign{control, w}])
}

// SignOffOf returns the sign-off of the control and week, or nil.
func (s *State) SignOffOf(control string, w Week) *event.SignOff {
	return s.signed[campaign{control, w}]
}

// Through returns the number of records that the state is made of.
func (s *State) Through() uint64 { return s.through }

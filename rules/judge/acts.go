package judge

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"sidedoor/event"
)

// act is an act that is held, with its verdict so far.
type act struct {
	ID       string      `json:"id"`
	Match    event.Match `json:"match"`
	State    event.State `json:"state"`
	Revision int         `json:"revision"`
	Alert    string      `json:"alert,omitempty"`
	Stored   time.Time   `json:"stored"` // judge's clock on arrival
	GraceDue time.Time   `json:"grace_due"`
	LimitDue time.Time   `json:"limit_due"`
	Waiting  bool        `json:"waiting,omitempty"` // grace has passed, coverage has not

	order int // of arrival
}

// open says whether an approval can still change the verdict.
func (a *act) open() bool { return a.State != event.Approved }

// keys returns each kind and scope that would approve the act, once.
func (a *act) keys() map[key]bool {
	keys := make(map[key]bool, len(a.Match.Act.ApprovedBy))
	for _, r := range a.Match.Act.ApprovedBy {
		keys[key{r.Kind, r.Scope}] = true
	}
	return keys
}

// kinds returns each kind that would approve the act, once.
func (a *act) kinds() map[string]bool {
	kinds := make(map[string]bool, len(a.Match.Act.ApprovedBy))
	for _, r := range a.Match.Act.ApprovedBy {
		kinds[r.Kind] = true
	}
	return kinds
}

// acts holds acts in the order of their arrival, with indexes on what an
// approval may concern.
type acts struct {
	queue   []*act
	byID    map[string]*act
	byScope map[key][]*act    // open acts by required kind and scope
	byKind  map[string][]*act // open acts by required kind
	unsure  map[string]*act   // pending and undetermined
	pending int
	next    int
}

func newActs() *acts {
	return &acts{byID: map[string]*act{}, byScope: map[key][]*act{}, byKind: map[string][]*act{}, unsure: map[string]*act{}}
}

func (s *acts) has(id string) bool { return s.byID[id] != nil }

func (s *acts) get(id string) *act { return s.byID[id] }

func (s *acts) len() int { return len(s.byID) }

func (s *acts) oldest() *act {
	if len(s.queue) == 0 {
		return nil
	}
	return s.queue[0]
}

func (s *acts) add(a *act) {
	a.order = s.next
	s.next++
	s.byID[a.ID] = a
	s.queue = append(s.queue, a)
	if a.State == event.Pending {
		s.pending++
	}
	if a.open() {
		s.index(a)
	}
	s.track(a)
}

func (s *acts) index(a *act) {
	for k := range a.keys() {
		s.byScope[k] = append(s.byScope[k], a)
	}
	for kind := range a.kinds() {
		s.byKind[kind] = append(s.byKind[kind], a)
	}
}

func (s *acts) unindex(a *act) {
	for k := range a.keys() {
		remove(s.byScope, k, a)
	}
	for kind := range a.kinds() {
		remove(s.byKind, kind, a)
	}
}

// track keeps the list of acts whose verdict depends on coverage.
func (s *acts) track(a *act) {
	if a.State == event.Pending || a.State == event.Undetermined {
		s.unsure[a.ID] = a
	} else {
		delete(s.unsure, a.ID)
	}
}

// changed brings the indexes up to date after a's state changed.
func (s *acts) changed(a *act) {
	if a.Revision == 1 {
		s.pending--
	}
	s.track(a)
	if !a.open() {
		s.unindex(a)
	}
}

// drop lets the oldest act go.
func (s *acts) drop(a *act) {
	s.queue = s.queue[1:]
	delete(s.byID, a.ID)
	delete(s.unsure, a.ID)
	s.unindex(a)
}

// uncertain returns the acts that wait for coverage or were judged without, in
// the order of their arrival.
func (s *acts) uncertain() []*act {
	var list []*act
	for _, a := range s.unsure {
		if a.Waiting || a.State == event.Undetermined {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, func(a, b *act) int { return cmp.Compare(a.order, b.order) })
	return list
}

// concernedBy returns the open acts that require p's kind in a scope that p
// covers, in the order of their arrival.
func (s *acts) concernedBy(p *event.Approval) []*act {
	if !strings.Contains(p.Covers, "*") {
		return slices.Clone(s.byScope[key{p.Kind, p.Covers}])
	}
	return slices.Clone(s.byKind[p.Kind])
}

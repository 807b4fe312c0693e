package manifest

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"sidedoor/event"
)

// bookmark is the key under which the account is kept, so that it need not be
// worked out again from the beginning.
const bookmark = "account of what arrived"

// stateVersion is the first byte of an account that is kept.
const stateVersion = 1

// maxState bounds it: a value of a bookmark has to fit into one message.
const maxState = 12 << 20

// kept is the account as it is kept: the JSON of this, behind its length, and then
// what is remembered of each hour in the order of Memories.
type kept struct {
	*fold
	Memories []remembered `json:"memories,omitempty"`
}

// remembered says of which hour how much is remembered.
type remembered struct {
	Source string     `json:"source"`
	Hour   event.Hour `json:"hour"`
	First  int        `json:"first"`
	Others int        `json:"others,omitempty"`
}

// encode returns the account in no more than most bytes. If it is too large,
// remembered events are let go, and then what faults the proofs name.
func (f *fold) encode(most int) ([]byte, error) {
	head, err := f.head()
	if err != nil {
		return nil, err
	}
	if len(head)+binary.MaxVarintLen64+1 > most {
		f.dropFaults()
	}
	for f.remembered > 0 && len(head)+f.remembered*perEvent+binary.MaxVarintLen64+1 > most {
		n := f.forgetOldest(nil)
		if n == 0 {
			break
		}
		f.remembered -= n
	}
	if head, err = f.head(); err != nil {
		return nil, err
	}
	b := make([]byte, 0, 1+binary.MaxVarintLen64+len(head)+f.remembered*perEvent)
	b = append(b, stateVersion)
	b = binary.AppendUvarint(b, uint64(len(head)))
	b = append(b, head...)
	for _, m := range f.memories() {
		b = f.Accounts[m.Source].Hours[m.Hour].memory.append(b)
	}
	return b, nil
}

func (f *fold) head() ([]byte, error) {
	b, err := json.Marshal(kept{fold: f, Memories: f.memories()})
	if err != nil {
		return nil, fmt.Errorf("the account of what arrived: %w", err)
	}
	return b, nil
}

// memories are the hours of which something is remembered, in any order, but
// always the same one.
func (f *fold) memories() (out []remembered) {
	for _, k := range f.keys() {
		if m := &f.Accounts[k.source].Hours[k.hour].memory; m.size() > 0 {
			out = append(out, remembered{Source: k.source, Hour: k.hour, First: len(m.content), Others: len(m.others)})
		}
	}
	return out
}

// dropFaults lets go of what proofs say beyond their verdicts. It stays on the
// stream.
func (f *fold) dropFaults() {
	for _, a := range f.Accounts {
		for i := range a.Proofs {
			a.Proofs[i].Faults = nil
		}
		for _, t := range a.Hours {
			if t.Base == nil {
				continue
			}
			for i := range t.Base.Proofs {
				t.Base.Proofs[i].Faults = nil
			}
		}
	}
}

// decode reads an account that was kept.
func decode(b []byte, l limits) (*fold, error) {
	if len(b) == 0 || b[0] != stateVersion {
		return nil, errors.New("the account of what arrived: it is of another version")
	}
	n, w := binary.Uvarint(b[1:])
	if w <= 0 || n > uint64(len(b)-1-w) {
		return nil, errors.New("the account of what arrived: it is cut off")
	}
	head, rest := b[1+w:1+w+int(n)], b[1+w+int(n):] //nolint:gosec // n is no more than a length
	f := newFold(l)
	k := kept{fold: f}
	if err := json.Unmarshal(head, &k); err != nil {
		return nil, fmt.Errorf("the account of what arrived: %w", err)
	}
	if err := f.check(); err != nil {
		return nil, err
	}
	for _, m := range k.Memories {
		a := f.Accounts[m.Source]
		if a == nil || a.Hours[m.Hour] == nil {
			return nil, fmt.Errorf("the account of what arrived: %s %s is remembered and not accounted for", m.Source, m.Hour)
		}
		t := a.Hours[m.Hour]
		var err error
		if t.memory, rest, err = parseMemory(rest, m.First, m.Others); err != nil {
			return nil, fmt.Errorf("the account of what arrived: %s %s: %w", m.Source, m.Hour, err)
		}
		f.remembered += t.memory.size()
	}
	return f, nil
}

// check says whether all is there that the fold relies on.
func (f *fold) check() error {
	if f.Accounts == nil {
		f.Accounts = map[string]*account{}
	}
	for source, a := range f.Accounts {
		if a == nil {
			return fmt.Errorf("the account of what arrived: there is nothing of %s", source)
		}
		for hour, t := range a.Hours {
			if t == nil {
				return fmt.Errorf("the account of what arrived: there is nothing of %s %s", source, hour)
			}
		}
		for _, g := range a.Gaps {
			if g == nil {
				return fmt.Errorf("the account of what arrived: a gap of %s is empty", source)
			}
		}
	}
	return nil
}

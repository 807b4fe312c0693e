package ingest

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

// Gate bounds the memory that deliveries take while they are received, over all
// sources of a process. Who finds it taken waits a little, and is then to come
// again later.
//
//   - A quarter is for senders of whom is not known yet whether they are who they
//     have to be, since a signature can be checked only when all is read. Where
//     it is taken, the one who has been sending for the longest is sent away: a
//     sender of webhooks is done in a moment, and whoever holds memory is not.
//   - Of the rest a source may have a half, so that one that is noisy does not
//     starve the others.
//
// A nil gate bounds nothing.
type Gate struct {
	rest      *semaphore.Weighted
	share     int64
	strangers strangers

	mu      sync.Mutex
	sources map[string]*atGate
	used    int64
	most    int64
}

// atGate is what the gate knows of one source.
type atGate struct {
	memory  *semaphore.Weighted
	letters *rate.Limiter // dead letters of senders who are not authentic
}

// DefaultMemory is the memory of a gate for which none is given, in bytes.
const DefaultMemory = 256 << 20

// MinMemory is the least that a gate may have, in bytes.
const MinMemory = 16 << 20

const (
	// gateWait is how long a delivery waits for memory. GitHub gives up after ten
	// seconds, the API server after thirty.
	gateWait = 2 * time.Second
	// lettersBurst and lettersEach bound the dead letters of senders who are not
	// authentic: anybody can send, and the letters of others must not have to go
	// for theirs.
	lettersBurst = 100
	lettersEach  = 5 * time.Second
)

// NewGate returns a gate for so many bytes; 0: [DefaultMemory].
func NewGate(memory int64) *Gate {
	if memory == 0 {
		memory = DefaultMemory
	}
	memory = max(memory, MinMemory)
	strange := memory / 4
	rest := memory - strange
	return &Gate{
		rest: semaphore.NewWeighted(rest), share: rest / 2,
		strangers: strangers{size: strange, inside: list.New(), freed: make(chan struct{})},
		sources:   map[string]*atGate{},
	}
}

// Used returns how many bytes are taken now, and how many were at the most.
func (g *Gate) Used() (now, most int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.used, g.most
}

func (g *Gate) count(n int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.used += n
	g.most = max(g.most, g.used)
}

func (g *Gate) source(name string) *atGate {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.sources[name]
	if s == nil {
		s = &atGate{
			memory:  semaphore.NewWeighted(g.share),
			letters: rate.NewLimiter(rate.Every(lettersEach), lettersBurst),
		}
		g.sources[name] = s
	}
	return s
}

// mayBury says whether one more dead letter of a sender who is not authentic is
// kept.
func (g *Gate) mayBury(source string, now time.Time) bool {
	return g == nil || g.source(source).letters.AllowN(now, 1)
}

// errBusy says that there is no memory for a delivery now.
var errBusy = errors.New("too much is being received just now; send it again later")

// What a delivery takes beside its body, and how many times its body: there is
// one more copy while its events are stored.
const (
	weightOfAny  = 16 << 10
	weightOfByte = 2
)

// pass is the memory that one delivery holds. One goroutine uses it.
type pass struct {
	gate    *Gate
	source  *atGate
	held    int64 // of the source's share and the rest
	strange *stranger
}

// enter begins a delivery: of somebody known, or of a stranger, who is cut off
// when others need the memory.
func (g *Gate) enter(source string) *pass {
	if g == nil {
		return &pass{}
	}
	return &pass{gate: g, source: g.source(source)}
}

// asStranger says that it is not known yet whether the sender is authentic.
func (p *pass) asStranger(cut func()) {
	if p.gate != nil {
		p.strange = p.gate.strangers.enter(cut)
	}
}

// grow has the delivery hold memory for a body of so many bytes.
func (p *pass) grow(ctx context.Context, bytes int64) error {
	if p.gate == nil {
		return nil
	}
	want := weightOfAny + weightOfByte*bytes
	if p.strange != nil {
		before := p.strange.held
		err := p.gate.strangers.grow(ctx, p.strange, want)
		p.gate.count(p.strange.held - before)
		return err
	}
	return p.take(ctx, want)
}

// take takes from the source's share, and then from the rest: whoever waits for
// the share of a noisy source is in nobody's way. The largest delivery has the
// share for itself.
func (p *pass) take(ctx context.Context, want int64) error {
	more := min(want, p.gate.share) - p.held
	if more <= 0 {
		return nil
	}
	if err := acquire(ctx, p.source.memory, more); err != nil {
		return err
	}
	if err := acquire(ctx, p.gate.rest, more); err != nil {
		p.source.memory.Release(more)
		return err
	}
	p.held += more
	p.gate.count(more)
	return nil
}

// known says that the sender is authentic: what it holds counts as its source's.
func (p *pass) known(ctx context.Context) error {
	if p.strange == nil {
		return nil
	}
	err := p.take(ctx, p.strange.held)
	p.forget()
	return err
}

// forget gives back what a stranger held.
func (p *pass) forget() {
	p.gate.count(-p.strange.held)
	p.gate.strangers.leave(p.strange)
	p.strange = nil
}

// leave gives all back.
func (p *pass) leave() {
	if p.gate == nil {
		return
	}
	if p.strange != nil {
		p.forget()
	}
	p.source.memory.Release(p.held)
	p.gate.rest.Release(p.held)
	p.gate.count(-p.held)
	p.held = 0
}

func acquire(ctx context.Context, s *semaphore.Weighted, n int64) error {
	if s.TryAcquire(n) {
		return nil
	}
	patience, cancel := context.WithTimeout(ctx, gateWait)
	defer cancel()
	if s.Acquire(patience, n) != nil {
		return errBusy
	}
	return nil
}

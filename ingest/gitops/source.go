package gitops

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/dynamic"

	"sidedoor/ingest"
)

// source is the watches of one source. It is complete up to when all of them are.
type source struct {
	in       ingest.Intake
	history  History
	watchers []*watcher

	mu     sync.Mutex
	alive  map[*watcher]time.Time
	newest time.Time
	news   chan struct{}
}

func newSource(in ingest.Intake, h History) *source {
	return &source{in: in, history: h, alive: map[*watcher]time.Time{}, news: make(chan struct{}, 1)}
}

// add adds a watch of a kind in a namespace, or in all if it is empty.
func (s *source) add(k *kind, namespace string, client dynamic.ResourceInterface) {
	w := &watcher{namespace: namespace, client: client}
	w.follower = follower{in: s.in, kind: k, key: s.in.Source.Name + "/" + k.String() + "/" + namespace, history: s.history, stored: s.stored}
	// What one watch knows covers nothing yet, so nobody states it.
	w.in.Coverage = ingest.NewCoverage(s.in.Source, s.in.Sink, s.in.Now)
	w.alive = func(since time.Time) { s.hear(w, since) }
	s.watchers = append(s.watchers, w)
}

// run watches until ctx ends.
func (s *source) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	began := s.in.Now()
	for _, w := range s.watchers {
		g.Go(func() error {
			return w.in.Poll(ctx, 100*time.Millisecond, func(ctx context.Context) (time.Time, error) {
				err := w.turn(ctx)
				if err == nil && w.absent {
					pause(ctx, lookAgain)
				}
				return time.Time{}, err
			})
		})
	}
	g.Go(func() error { return s.cover(ctx, began) })
	return g.Wait()
}

// cover says that the source is heard, whenever all watches were since it last
// said so. While one of them is not, coverage stands still.
func (s *source) cover(ctx context.Context, since time.Time) error {
	for ; ctx.Err() == nil; since = s.in.Now() {
		end := s.in.Coverage.Begin()
		if !s.heard(ctx, since) {
			end(time.Time{}, ingest.ErrNothing)
			return nil
		}
		s.mu.Lock()
		newest := s.newest
		s.mu.Unlock()
		end(newest, nil)
	}
	return nil
}

// heard waits until all watches were heard since a time, or ctx ended.
func (s *source) heard(ctx context.Context, since time.Time) bool {
	for {
		if s.allAlive(since) {
			return true
		}
		select {
		case <-s.news:
		case <-ctx.Done():
			return false
		}
	}
}

func (s *source) allAlive(since time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.watchers {
		if s.alive[w].Before(since) {
			return false
		}
	}
	return true
}

func (s *source) hear(w *watcher, since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if since.After(s.alive[w]) {
		s.alive[w] = since
	}
	select {
	case s.news <- struct{}{}:
	default:
	}
}

func (s *source) stored(newest time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if newest.After(s.newest) {
		s.newest = newest
	}
}

// pause waits, but not longer than ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

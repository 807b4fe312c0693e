package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrFull means that there is no room for events now. What is taken already is
// matched, judged and recorded in the room that is kept free for that.
var ErrFull = errors.New("there is no room for more events")

// Space says how much room there is for events.
type Space struct {
	// Known says whether Free is: of an external server's disk nothing is known.
	Known bool
	Free  int64 // bytes of the data folder's disk
	// Full is why no events are taken now, for people; empty: they are.
	Full string
	// Refused is how many batches and dead letters were refused for that, since
	// the process started.
	Refused uint64
}

// Space returns how much room there is for events.
func (s *Stream) Space() Space { return s.space.now() }

// measureEvery is how often the room is measured. In between it is reckoned.
const measureEvery = time.Second

// space is what is known of the room for events.
type space struct {
	reserve int64 // of the disk, kept free of events
	most    int64 // bytes of EVENTS; 0: any
	margin  int64 // of most, for the monitor's own events and marks
	log     *slog.Logger

	mu     sync.Mutex
	broken string // why a stream writes no more until JetStream is restarted
	disk   int64  // free, since the last measurement less what was taken; unknown: -1
	events int64  // stored on EVENTS, likewise more
	state  Space
}

func newSpace(cfg Config) *space {
	return &space{
		reserve: cfg.MinFree, most: cfg.MaxEventsBytes, margin: min(int64(cfg.MaxPayload), cfg.MaxEventsBytes/8), log: cfg.Logger, disk: -1,
	}
}

func (s *space) now() Space {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// take says whether n more bytes of events have room, and reckons with them.
func (s *space) take(n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if why := s.lack(int64(n)); why != "" {
		s.set(why)
		s.state.Refused++
		return fmt.Errorf("%w: %s", ErrFull, why)
	}
	if s.state.Full != "" { // only a measurement ends it, so that it does not flicker
		s.state.Refused++
		return fmt.Errorf("%w: %s", ErrFull, s.state.Full)
	}
	if s.disk >= 0 {
		s.disk -= int64(n)
	}
	s.events += int64(n)
	return nil
}

// lack is what stands against n more bytes.
func (s *space) lack(n int64) string {
	switch {
	case s.broken != "":
		return "writing to the data folder failed: " + s.broken
	case s.disk >= 0 && s.disk-n < s.reserve:
		return fmt.Sprintf("the disk of the data folder has %s left, of which %s are kept for verdicts and records (nats.min-free); give it more room", mib(s.disk), mib(s.reserve))
	case s.most > 0 && s.events+n > s.most-s.margin:
		return fmt.Sprintf("the stream EVENTS holds %s, of %s that it may (nats.max-events); raise that", mib(s.events), mib(s.most))
	}
	return ""
}

func mib(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// set notes whether there is room, and tells the operator if that is new.
func (s *space) set(full string) {
	was := s.state.Full
	s.state.Full = full
	switch {
	case was == "" && full != "":
		s.log.Error("no more events are taken; senders are asked to come again", "err", full)
	case was != "" && full == "":
		s.log.Info("there is room for events again", "refused", s.state.Refused)
	}
}

// refused notes that the server itself has no room for a message.
func (s *space) refused(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set(why.Error())
	s.state.Refused++
}

// measured takes in what was found. Full it is until an eighth more is free than
// has to be.
func (s *space) measured(disk, events int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disk, s.events = disk, events
	s.state.Known, s.state.Free = disk >= 0, max(disk, 0)
	if why := s.lack(0); why != "" {
		s.set(why)
		return
	}
	if s.lack(max(s.reserve/8, s.margin/8)) == "" {
		s.set("")
	}
}

// broke notes that a stream could not write. It is said by the server, in the
// middle of what it does.
func (s *space) broke(said string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken == "" {
		s.broken = said
		s.set(s.lack(0))
	}
}

// mendable reports whether a stream is broken, and the disk has room again.
func (s *space) mendable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken != "" && s.disk-s.reserve/8 > s.reserve
}

func (s *space) mended() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = ""
}

// mendEvery is how many measurements lie between two restarts of JetStream: writing
// may fail for another reason than a full disk.
const mendEvery = 3

// watchSpace measures the room until ctx ends, and has the streams go on when a
// full disk has room again.
func (s *Stream) watchSpace(ctx context.Context) {
	tick := time.NewTicker(measureEvery)
	defer tick.Stop()
	for rest := 0; ; rest-- {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		s.measureSpace(ctx)
		if rest <= 0 && s.space.mendable() {
			rest = mendEvery
			s.mend()
		}
	}
}

// mend restarts JetStream over what is on the disk: all that was acknowledged.
func (s *Stream) mend() {
	s.space.mended() // what breaks from here on is news
	if err := restartJetStream(s.server, s.cfg.Dir); err != nil {
		s.space.broke(err.Error())
		s.log.Error("the streams are still broken; they are mended again in a while", "err", err)
		return
	}
	// Whoever reads was forgotten by the server, and does not know it yet.
	if err := s.conn.ForceReconnect(); err != nil {
		s.log.Warn("nats", "err", err)
	}
	s.log.Info("the streams are mended, with all that they had taken")
}

func (s *Stream) measureSpace(ctx context.Context) {
	disk := int64(-1)
	if s.server != nil {
		if free, err := freeSpace(s.cfg.Dir); err == nil { // else the server will say so
			disk = free
		}
	}
	var events int64
	if s.space.most > 0 {
		ctx, cancel := context.WithTimeout(ctx, healthTimeout)
		defer cancel()
		info, err := s.info(ctx, streamEvents)
		if err != nil {
			return // Healthy says so
		}
		events = int64(info.State.Bytes)
	}
	s.space.measured(disk, events)
}

// What a server answers that has no more room, or none for this account.
const (
	codeNoResources jetstream.ErrorCode = 10023
	codeNoStorage   jetstream.ErrorCode = 10047
)

// noRoom reports whether a server refused a message for want of room.
func noRoom(err error) bool {
	var api *jetstream.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode {
	case codeNoResources, codeNoStorage:
		return true
	}
	return strings.Contains(api.Description, "no space left") || strings.Contains(api.Description, "maximum bytes")
}

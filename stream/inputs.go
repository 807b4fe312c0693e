package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sidedoor/event"
)

// Inputs calls f with every input of the judge that is stored now and whose
// sequence is above after, in order, until f fails. Sequences have gaps: a
// timer that waits takes one, and is removed when it fires. What the judge
// could not read is left out here, as it was there.
func (s *Stream) Inputs(ctx context.Context, after uint64, f func(seq uint64, in event.Input) error) error {
	return s.readNow(ctx, inputs(after), func(m jetstream.Msg, meta *jetstream.MsgMetadata) error {
		in, err := parseInput(m.Data(), meta.Timestamp)
		if err != nil {
			return nil
		}
		return f(meta.Sequence.Stream, in)
	})
}

func inputs(after uint64) scope {
	return scope{stream: streamMatches, filter: subjectMatches + ">", after: after}
}

// parseInput reads a message of MATCHES.
func parseInput(raw []byte, stored time.Time) (event.Input, error) {
	var in event.Input
	if err := json.Unmarshal(raw, &in); err != nil {
		return in, fmt.Errorf("input: %w", err)
	}
	set := 0
	for _, is := range []bool{in.Match != nil, in.Mark != nil, in.Timer != nil, in.Policy != nil} {
		if is {
			set++
		}
	}
	if set != 1 {
		return in, fmt.Errorf("input: %d of match, mark, timer and policy are set; want one", set)
	}
	if in.Match != nil {
		if err := in.Match.Check(); err != nil {
			return in, fmt.Errorf("input: %w", err)
		}
	}
	in.Time = stored.UTC()
	return in, nil
}

// A schedule's time, in nanoseconds since 1970 in an int64. Zero means none.
var (
	firstDue = time.Unix(1, 0)
	lastDue  = time.Unix(8_500_000_000, 0) // the year 2239
)

// timerPosting makes a scheduled message of a timer: it waits on
// schedules.<timer> and is stored as matches.timer.<timer> when it is due. A
// timer that has fired is not set again.
func timerPosting(t event.Timer) (posting, error) {
	raw, err := json.Marshal(event.Input{Timer: &t})
	if err != nil {
		return posting{}, fmt.Errorf("timer of %s: %w", waiter(t), err)
	}
	// The server fires at the first chance at or after this, so never early.
	due := t.Due.UTC()
	if due.Before(firstDue) {
		due = firstDue
	}
	if due.After(lastDue) {
		due = lastDue
	}
	id := t.ID()
	h := nats.Header{}
	h.Set(jetstream.ScheduleHeader, "@at "+due.UTC().Format(time.RFC3339Nano))
	h.Set(jetstream.ScheduleTargetHeader, subjectTimer+id)
	return posting{
		msg:    &nats.Msg{Subject: subjectSchedule + id, Header: h, Data: raw},
		expect: jetstream.WithExpectLastSequenceForSubject(0, subjectTimer+id),
		exists: alreadyThere,
	}, nil
}

// waiter names what a timer is for.
func waiter(t event.Timer) string {
	if t.Windows != "" {
		return "windows " + t.Windows
	}
	return "match " + t.Match
}

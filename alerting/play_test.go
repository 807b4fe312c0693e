package alerting

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
)

var (
	errExists = errors.New("exists with other content")
	errDown   = errors.New("the receiver is down")
	errDisk   = errors.New("no space left")
)

// start is when a play begins.
var start = time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)

// play is a courier with everything around it, on a clock of its own. It hands
// out records as the stream does, without the stream.
type play struct {
	t       testing.TB
	courier *courier
	clock   time.Time
	feed    []*delivery         // not acknowledged
	alerts  map[string][][]byte // revisions of each alert
	stored  map[string][]byte   // delivery records by ID
	order   []event.Delivery
	sent    []Message
	answer  func(Message) (Result, error) // nil: takes everything
	storing error
}

// delivery is a record on its way.
type delivery struct {
	raw  []byte
	came int
	due  time.Time
}

func newPlay(t testing.TB, change ...func(*Receiver)) *play {
	t.Helper()
	p := &play{t: t, clock: start, alerts: map[string][][]byte{}, stored: map[string][]byte{}}
	p.restart(change...)
	return p
}

// restart forgets what a process would.
func (p *play) restart(change ...func(*Receiver)) {
	p.t.Helper()
	r := Receiver{Name: "oncall", Channel: p}
	for _, c := range change {
		c(&r)
	}
	d, err := New(Config{Exists: errExists}, p, []Receiver{r}, func() time.Time { return p.clock }, nil, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	p.courier = d.couriers[0]
}

func (p *play) Name() string { return "play" }

func (p *play) Send(_ context.Context, m Message) (Result, error) {
	if p.answer != nil {
		if r, err := p.answer(m); err != nil {
			return r, err
		}
	}
	p.sent = append(p.sent, m)
	return Result{Status: 200}, nil
}

func (p *play) AppendRecord(ctx context.Context, r event.Record) (bool, error) {
	if err := cmp.Or(p.storing, ctx.Err()); err != nil {
		return false, err
	}
	raw, err := r.Encode()
	if err != nil {
		return false, err
	}
	if old, ok := p.stored[r.ID]; ok {
		if slices.Equal(old, raw) {
			return false, nil
		}
		return false, fmt.Errorf("record %s: %w", r.ID, errExists)
	}
	p.stored[r.ID] = raw
	p.order = append(p.order, *r.Body.(*event.Delivery))
	return true, nil
}

func (p *play) LatestAlert(_ context.Context, id string) ([]byte, error) {
	all := p.alerts[id]
	return all[len(all)-1], nil
}

// revise stores the next revision of an alert.
func (p *play) revise(id string, state event.State, occurrences int, change ...func(*event.Alert)) {
	p.t.Helper()
	a := event.Alert{
		ID: id, Revision: len(p.alerts[id]) + 1, State: state, Occurrences: occurrences,
		Rule: event.RuleRef{Level: event.High}, Verdicts: []event.VerdictRef{{ID: "v", Revision: 1}},
	}
	for _, c := range change {
		c(&a)
	}
	raw, err := event.AlertRecord(a, p.clock).Encode()
	if err != nil {
		p.t.Fatal(err)
	}
	p.alerts[id] = append(p.alerts[id], raw)
	p.feed = append(p.feed, &delivery{raw: raw, due: p.clock})
}

// step hands out what is due, once each.
func (p *play) step() {
	p.t.Helper()
	for _, d := range slices.Clone(p.feed) {
		if d.due.After(p.clock) {
			continue
		}
		d.came++
		retry, err := p.courier.handle(context.Background(), d.raw, d.came)
		switch {
		case retry > 0:
			d.due = p.clock.Add(retry)
		case err != nil:
			d.due = p.clock.Add(10 * time.Second)
		default:
			p.feed = slices.DeleteFunc(p.feed, func(o *delivery) bool { return o == d })
		}
	}
}

// until lets time pass, to whenever something is due.
func (p *play) until(end time.Time) {
	p.t.Helper()
	for {
		p.step()
		next := end
		for _, d := range p.feed {
			if d.due.Before(next) {
				next = d.due
			}
		}
		if !next.Before(end) {
			break
		}
		p.clock = maxTime(next, p.clock.Add(time.Millisecond))
	}
	p.clock = end
	p.step()
}

func (p *play) wait(d time.Duration) { p.t.Helper(); p.until(p.clock.Add(d)) }

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// messages is what was sent: "a1.1 bypass 1, a1.4 bypass 4".
func (p *play) messages() string {
	var all []string
	for _, m := range p.sent {
		all = append(all, fmt.Sprintf("%s %s %d", m.ID(), m.Alert.State, m.Alert.Occurrences))
	}
	return strings.Join(all, ", ")
}

// outcomes is what was recorded: "a1.1#1 failed, a1.1#2 delivered".
func (p *play) outcomes() string {
	var all []string
	for _, d := range p.order {
		all = append(all, fmt.Sprintf("%s.%d#%d %s", d.Alert, d.Revision, d.Attempt, d.Outcome))
	}
	return strings.Join(all, ", ")
}

func (p *play) wantMessages(want string) {
	p.t.Helper()
	if got := p.messages(); got != want {
		p.t.Errorf("the receiver was told\n%q, want\n%q", got, want)
	}
}

func (p *play) wantOutcomes(want string) {
	p.t.Helper()
	if got := p.outcomes(); got != want {
		p.t.Errorf("on record is\n%q, want\n%q", got, want)
	}
}

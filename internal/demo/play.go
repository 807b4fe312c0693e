package demo

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// Endpoints is where a running Sidedoor takes events in.
type Endpoints struct {
	KubernetesURL, KubernetesToken string // bearer token
	GitHubURL, GitHubSecret        string // the secret signs the bodies
	ApprovalsURL, ApprovalsToken   string // bearer token
	CloudTrailFolder               string
	Client                         *http.Client // nil: http.DefaultClient
}

// Hooks let a narrator follow the playing. Each may be nil.
type Hooks struct {
	// BeforeBeat is called before the first delivery of a beat is sent.
	BeforeBeat func(context.Context, Beat) error
	// AfterBeat is called when all events of a beat have been sent and every
	// source that can approve something has been heard since, so that its
	// verdicts are due.
	AfterBeat func(context.Context, Beat) error
	// Silence is called when a source has been silent for long enough that
	// somebody should have noticed.
	Silence func(context.Context, Silence) error
	// Sending is called before a delivery is sent, Sent after it was taken.
	Sending, Sent func(Delivery)
}

// settled is how long after a beat's last event all is sent that its verdict
// needs: its echo, and the slowest source's delivery.
const settled = cloudTrailEvery + cloudTrailDelay + echo

// Play sends the week's deliveries one after the other, as fast as they are
// taken. It stops at the first that is refused, or when a hook fails.
func (sc *Scenario) Play(ctx context.Context, to Endpoints, hooks Hooks) error {
	p := &player{sender: newSender(to), hooks: hooks, upcoming: sc.beats, silences: sc.silences}
	for _, d := range sc.Deliveries() {
		if err := p.turn(ctx, d.At); err != nil {
			return err
		}
		if err := p.announce(ctx, d); err != nil {
			return err
		}
		if hooks.Sending != nil {
			hooks.Sending(d)
		}
		if err := p.sender.send(ctx, d); err != nil {
			return fmt.Errorf("playing %s of %s: %w", d.Source, d.At.Format("Mon 15:04:05"), err)
		}
		if hooks.Sent != nil {
			hooks.Sent(d)
		}
	}
	return p.close(ctx, p.playing)
}

// player calls the hooks around the beats.
type player struct {
	sender   *sender
	hooks    Hooks
	upcoming []*Beat // not begun
	playing  []*Beat // begun and not settled
	silences []Silence
}

// announce begins the beats up to that of a delivery, and those in which there is
// nothing but silence up to its time; and tells of silence.
func (p *player) announce(ctx context.Context, d Delivery) error {
	for len(p.upcoming) > 0 && p.upcoming[0].begins(d) {
		next := p.upcoming[0]
		p.upcoming, p.playing = p.upcoming[1:], append(p.playing, next)
		if p.hooks.BeforeBeat != nil {
			if err := p.hooks.BeforeBeat(ctx, *next); err != nil {
				return err
			}
		}
	}
	for len(p.silences) > 0 && !d.At.Before(p.silences[0].Noticed()) {
		s := p.silences[0]
		p.silences = p.silences[1:]
		if p.hooks.Silence != nil {
			if err := p.hooks.Silence(ctx, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// begins says whether a beat begins with a delivery, or has begun before it.
func (b *Beat) begins(d Delivery) bool {
	if b.silent {
		return !b.At.After(d.At)
	}
	return d.Beat != nil && !b.At.After(d.Beat.At)
}

// turn closes the beats that are settled by now.
func (p *player) turn(ctx context.Context, now time.Time) error {
	n := 0
	for n < len(p.playing) && now.After(p.playing[n].Until.Add(settled)) {
		n++
	}
	done := p.playing[:n]
	p.playing = p.playing[n:]
	return p.close(ctx, done)
}

func (p *player) close(ctx context.Context, done []*Beat) error {
	for _, b := range done {
		if p.hooks.AfterBeat != nil {
			if err := p.hooks.AfterBeat(ctx, *b); err != nil {
				return err
			}
		}
	}
	return nil
}

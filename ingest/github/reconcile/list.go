package reconcile

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"time"

	"sidedoor/event"
)

// maxSent bounds the events that are held. There are as many between two passes
// only where GitHub sends a hundred a second, or where many days are to be looked
// through.
const maxSent = 500_000

// maxPages bounds the pages of a list that goes round in a circle: they name nothing
// new.
const maxPages = 2 * maxSent / 100

// listable is how far back an hour can be compared: GitHub lists three days, and of
// the oldest hours it may have forgotten a part.
const listable = redeliverable - 2*time.Hour

// list fetches what is new in GitHub's list, which begins with the newest attempt,
// and a little more than that: its order is by the beginning of an attempt.
func (r *Reconciler) list(ctx context.Context, now time.Time) error {
	r.giveUp(now)
	until := r.through.Add(-skew)
	if from := r.listed.Add(-skew); from.After(until) {
		until = from
	}
	query := url.Values{"per_page": {"100"}}
	found, newest := map[string]*sent{}, r.listed
	for n, last := 1, ""; ; n++ {
		page, err := r.client.Get(ctx, r.cfg.hook()+"/deliveries", query)
		if err != nil {
			return err
		}
		attempts, err := parseDeliveries(page.Body)
		if err != nil {
			return fmt.Errorf("github %s: %w", r.cfg.hook(), err)
		}
		for _, d := range attempts {
			enter(found, d)
			newest = later(newest, d.At)
		}
		cursor := page.Next.Get("cursor")
		if page.Next == nil || len(attempts) == 0 || attempts[len(attempts)-1].At.Before(until) {
			break
		}
		if cursor == "" || cursor == last || n > maxPages {
			return fmt.Errorf("github %s: the list of deliveries does not go on behind %s", r.cfg.hook(), attempts[len(attempts)-1].GUID)
		}
		if len(found)+len(r.sent) > maxSent {
			r.skip(attempts[len(attempts)-1].At, "there are too many deliveries")
			break
		}
		last = cursor
		query.Set("cursor", cursor)
	}
	for _, s := range found {
		enter(r.sent, s.delivery)
	}
	r.listed = newest
	return nil
}

// enter puts an attempt to an event's others, of which the first one counts.
func enter(into map[string]*sent, d delivery) {
	old := into[d.GUID]
	if old == nil {
		into[d.GUID] = &sent{delivery: d}
	} else if !old.counted && old.Redelivery && !d.Redelivery {
		old.delivery = d
	}
}

// giveUp leaves out hours of which GitHub has no list any more.
func (r *Reconciler) giveUp(now time.Time) {
	if oldest := now.Add(-listable); r.through.Before(oldest) {
		r.skip(oldest, "GitHub lists deliveries for three days only")
	}
}

// skip goes on with the first whole hour behind a time. The hours before it have no
// proof then, and are as complete as the source's coverage says, but for what is
// known to be missing of them.
func (r *Reconciler) skip(at time.Time, why string) {
	through := event.HourOf(at).End()
	if !through.After(r.through) {
		return
	}
	r.in.Log.Error("hours are not compared with the deliveries that GitHub made", "source", r.in.Source.Name,
		"from", r.through, "to", through, "why", why)
	for key, h := range r.hours {
		if begin := key.Begin(); begin.Before(r.through) || !begin.Before(through) {
			continue
		}
		if h.Skipped, h.Items = why, len(h.Missing)+h.Recovered; len(h.Missing) == 0 {
			delete(r.hours, key)
		}
	}
	r.through = through
}

// close closes the hours that are over: no event can come into them, and those that
// arrived without having been sent are known.
func (r *Reconciler) close(now time.Time) {
	for end := r.through.Add(time.Hour); !end.Add(settle).After(now); end = r.through.Add(time.Hour) {
		h := r.hour(r.through)
		for guid, a := range r.here.byGUID {
			if !a.at.Before(r.through) && a.at.Before(end) && r.sent[guid] == nil && len(h.Unsent) <= event.MaxFaults {
				h.Unsent = append(h.Unsent, fmt.Sprintf("%.100q arrived %s and GitHub did not send it", guid, a.at.Format(time.RFC3339)))
			}
		}
		r.through = end
	}
	r.here.forget(r.through.Add(-skew))
	maps.DeleteFunc(r.sent, func(_ string, s *sent) bool { return s.At.Before(r.through.Add(-skew)) })
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

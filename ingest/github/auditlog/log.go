package auditlog

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/github"
	"sidedoor/ingest/github/api"
)

// log is an audit log that is asked for by the API. One goroutine uses it.
type log struct {
	in     ingest.Intake
	client *api.Client
	path   string // of the log in the API
	every  time.Duration
	place  *place // nil: not looked for yet
}

// maxPages bounds what is read at once; an API that gives the same pages for ever
// would be asked for ever.
const maxPages = 20_000

func (c *Config) log(in ingest.Intake) (*log, error) {
	token, err := api.Token(c.TokenFile)
	if err != nil {
		return nil, err
	}
	l := &log{in: in, client: api.New(c.API, token, in.Now), every: cmp.Or(c.Every, defaultEvery)}
	if c.Organization != "" {
		l.path = "/orgs/" + url.PathEscape(c.Organization) + "/audit-log"
	} else {
		l.path = "/enterprises/" + url.PathEscape(c.Enterprise) + "/audit-log"
	}
	return l, nil
}

func (l *log) run(ctx context.Context) error { return l.in.Poll(ctx, l.every, l.fetch) }

// fetch reads what is new since the last time, and once more what is not older than
// an entry may be late.
func (l *log) fetch(ctx context.Context) (newest time.Time, err error) {
	now := l.in.Now().UTC()
	if err := l.recall(ctx, now); err != nil {
		return newest, err
	}
	overlap := max(l.in.Source.Lateness, time.Minute)
	from := l.place.Newest.Add(-overlap)
	l.place.forget(from)
	err = l.pages(ctx, question("created:>="+from.Format(time.RFC3339)), func(n int, p page) error {
		fresh := p.events[:0]
		for _, e := range p.events {
			if !l.place.knows(e) {
				fresh = append(fresh, e)
			}
		}
		dead := slices.DeleteFunc(p.dead, func(d event.Dead) bool { return l.place.knows(event.Event{Original: event.DigestOf(d.Raw)}) })
		if err := l.in.Store(ctx, p.env, fresh, dead); err != nil {
			return err
		}
		for _, e := range fresh {
			l.place.remember(e, now)
		}
		for _, d := range dead {
			l.place.Seen[markOf(event.DigestOf(d.Raw))] = now.Unix()
		}
		newest = later(newest, ingest.Newest(fresh))
		if n%keepEvery == 0 {
			return l.keep(ctx)
		}
		return nil
	})
	if err == nil {
		l.place.read(now)
	}
	return newest, errors.Join(err, l.keep(ctx))
}

// question is a query for the first page of what a phrase describes.
func question(phrase string) url.Values {
	return url.Values{"phrase": {phrase}, "include": {"all"}, "order": {"asc"}, "per_page": {"100"}}
}

// page is one page of the log.
type page struct {
	env    event.Envelope
	events []event.Event
	dead   []event.Dead
	next   url.Values
}

// pages calls f with each page from the one that a query names on, and the page's
// number, from 1.
func (l *log) pages(ctx context.Context, query url.Values, f func(n int, p page) error) error {
	for n := 1; n <= maxPages; n++ {
		answer, err := l.client.Get(ctx, l.path, query)
		if err != nil {
			return err
		}
		p := page{env: l.in.Source.Envelope(l.path, l.in.Now().UTC(), answer.Body)}
		if p.events, p.dead, err = parsePage(p.env, answer.Body); err != nil {
			return fmt.Errorf("github %s: %w", l.path, err)
		}
		p.next = following(query, answer.Next)
		if err := f(n, p); err != nil {
			return err
		}
		if p.next == nil {
			return nil
		}
		query = p.next
	}
	return fmt.Errorf("github %s: there are more than %d pages", l.path, maxPages)
}

// following is the query of the page after the one of query: github.com tells it by a
// cursor, an Enterprise Server by a number. What was asked for stays.
func following(query, next url.Values) url.Values {
	moved := maps.Clone(query)
	changed := false
	for _, key := range []string{"after", "page"} {
		if v := next.Get(key); v != "" && v != query.Get(key) {
			moved.Set(key, v)
			changed = true
		}
	}
	if !changed {
		return nil
	}
	return moved
}

// parsePage reads the entries of a page. One that cannot be read costs itself only.
func parsePage(env event.Envelope, body []byte) (events []event.Event, dead []event.Dead, err error) {
	var list []json.RawMessage
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, nil, fmt.Errorf("page of the audit log: %w", err)
	}
	for i, raw := range list {
		e, err := github.IdentifyAudit(raw)
		if err != nil {
			dead = append(dead, event.Dead{Envelope: env, Cause: "malformed", Reason: fmt.Sprintf("%s entry %d: %v", env.Origin, i, err), Index: i, Raw: raw})
			continue
		}
		e.Index = i
		events = append(events, e)
	}
	return events, dead, nil
}

// backfill reads a period. How far it came is kept as the cursor of the page that is
// next; a cursor that GitHub has forgotten begins the period anew.
func (l *log) backfill(ctx context.Context, p ingest.Period, progress func(ingest.Progress)) error {
	from, to := p.From.UTC().Format(time.RFC3339), p.To.UTC().Format(time.RFC3339)
	key := fmt.Sprintf("%s backfill %s %s %s", l.in.Source.Name, l.path, from, to)
	query, done, err := l.resume(ctx, key, question("created:"+from+".."+to))
	if err != nil {
		return err
	}
	read := func(_ int, page page) error {
		inside := page.events[:0]
		for _, e := range page.events {
			if e.Occurred.IsZero() || p.Contains(e.Occurred) {
				inside = append(inside, e)
			}
		}
		if err := l.in.Store(ctx, page.env, inside, page.dead); err != nil {
			return err
		}
		done.Done++
		done.Events += len(inside)
		done.At = l.path
		if len(inside) > 0 {
			done.At = inside[len(inside)-1].Occurred.Format(time.RFC3339)
		}
		progress(done)
		if page.next == nil {
			return nil
		}
		return l.keepResume(ctx, key, resumption{Next: page.next, Progress: done})
	}
	err = l.pages(ctx, query, read)
	if said, ok := errors.AsType[*api.Error](err); ok && done.Done > 0 && (said.Status == http.StatusUnprocessableEntity || said.Status == http.StatusBadRequest) {
		done = ingest.Progress{}
		err = l.pages(ctx, question("created:"+from+".."+to), read)
	}
	if err != nil {
		return err
	}
	return l.keepResume(ctx, key, resumption{})
}

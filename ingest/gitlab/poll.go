package gitlab

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/jsonscan"
)

const (
	perPage = 100 // as many as the API gives
	maxPage = 64 << 20
	// overlap is how late an audit event may appear among those of its time.
	overlap = 5 * time.Minute
	// maxWindow bounds the time that is asked for at once; the API of a group
	// answers no more than thirty days.
	maxWindow = 7 * 24 * time.Hour
	// maxPages bounds the pages of one window: a server that always names another
	// page must not hold us for ever.
	maxPages = 100_000
)

// poller reads audit events by the API.
//
// Format: docs.gitlab.com, "Audit events API", "Keyset-based pagination".
type poller struct {
	ingest.Intake
	events string // URL without query
	token  string // file
	client *http.Client
}

func (c *AuditConfig) poller(in ingest.Intake) (*poller, error) {
	if _, err := ingest.ReadSecret(c.TokenFile); err != nil {
		return nil, err
	}
	at := strings.TrimSuffix(c.API, "/") + "/api/v4"
	if !c.Instance {
		at += "/groups/" + url.PathEscape(c.Group)
	}
	return &poller{
		Intake: in, events: at + "/audit_events", token: c.TokenFile,
		client: &http.Client{
			Timeout: time.Minute,
			// Another host must not be shown the token.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// bookmark is how far audit events are read.
//
//	{"through":"2026-11-16T09:00:00Z","seen":["812","813"]}
type bookmark struct {
	Through time.Time `json:"through"` // all that appeared up to then is stored
	Seen    []string  `json:"seen"`    // ids of the overlap before it, and digests of what cannot be read
}

func (p *poller) key() string { return p.Source.Name + " gitlab audit " + p.events }

// poll stores what is new since the bookmark; the first time, since now.
func (p *poller) poll(ctx context.Context) (newest time.Time, err error) {
	value, found, err := p.Bookmarks.Bookmark(ctx, p.key())
	if err != nil {
		return newest, err
	}
	mark := bookmark{Through: p.Now().UTC()}
	if found {
		if err := json.Unmarshal(value, &mark); err != nil {
			return newest, fmt.Errorf("bookmark of %s: %w", p.Source.Name, err)
		}
	}
	now := p.Now().UTC()
	if mark.Through.After(now) { // our clock was ahead
		mark.Through = now
	}
	for from := mark.Through.Add(-overlap); ; {
		to := from.Add(maxWindow)
		if to.After(now) {
			to = now
		}
		seen, last, err := p.window(ctx, ingest.Period{From: from, To: to}, mark.Seen)
		if err != nil {
			return newest, err
		}
		if last.After(newest) {
			newest = last
		}
		mark = bookmark{Through: to, Seen: seen}
		if err := p.keep(ctx, mark); err != nil {
			return newest, err
		}
		if !to.Before(now) {
			return newest, nil
		}
		from = to.Add(-overlap)
	}
}

func (p *poller) keep(ctx context.Context, mark bookmark) error {
	b, err := json.Marshal(mark)
	if err != nil {
		return err
	}
	return p.Bookmarks.KeepBookmark(ctx, p.key(), b)
}

// backfill stores what the API has of a period, window by window; those that
// were done are known by a bookmark.
func (p *poller) backfill(ctx context.Context, period ingest.Period, progress func(ingest.Progress)) error {
	total := int((period.To.Sub(period.From) + maxWindow - 1) / maxWindow)
	done, stored := 0, 0
	for from := period.From; from.Before(period.To); from = from.Add(maxWindow) {
		to := from.Add(maxWindow)
		if to.After(period.To) {
			to = period.To
		}
		key := fmt.Sprintf("%s backfill %s %s %s", p.Source.Name, p.events, from.Format(time.RFC3339), to.Format(time.RFC3339))
		_, known, err := p.Bookmarks.Bookmark(ctx, key)
		if err != nil {
			return err
		}
		if !known {
			n, err := p.pages(ctx, ingest.Period{From: from, To: to}, func(env event.Envelope, page []event.Event, dead []event.Dead) error {
				stored += len(page)
				return p.Store(ctx, env, page, dead)
			})
			if err != nil {
				return err
			}
			if to.Before(p.Now().Add(-overlap)) { // else there may be more of it the next time
				if err := p.Bookmarks.KeepBookmark(ctx, key, []byte(strconv.Itoa(n))); err != nil {
					return err
				}
			}
		}
		done++
		progress(ingest.Progress{Done: done, Total: total, Events: stored, At: to.Format(time.RFC3339)})
	}
	return nil
}

// window stores the events of a time but those that are known, and returns the
// ids of those in the overlap at its end.
func (p *poller) window(ctx context.Context, t ingest.Period, known []string) (seen []string, newest time.Time, err error) {
	stored := map[string]bool{}
	for _, id := range known {
		stored[id] = true
	}
	_, err = p.pages(ctx, t, func(env event.Envelope, page []event.Event, dead []event.Dead) error {
		for _, e := range page {
			if e.ID != "" && !e.Occurred.Before(t.To.Add(-overlap)) {
				seen = append(seen, e.ID)
			}
			if e.Occurred.After(newest) {
				newest = e.Occurred
			}
		}
		for _, d := range dead {
			seen = append(seen, event.DigestOf(d.Raw).String())
		}
		fresh := slices.DeleteFunc(page, func(e event.Event) bool { return stored[e.ID] })
		dead = slices.DeleteFunc(dead, func(d event.Dead) bool { return stored[event.DigestOf(d.Raw).String()] })
		return p.Store(ctx, env, fresh, dead)
	})
	return seen, newest, err
}

// pages calls f with the events of every page of a time, and returns how many
// pages there were.
func (p *poller) pages(ctx context.Context, t ingest.Period, f func(env event.Envelope, page []event.Event, dead []event.Dead) error) (int, error) {
	query := url.Values{
		"created_after": {t.From.Format(time.RFC3339)}, "created_before": {t.To.Format(time.RFC3339)},
		"per_page": {strconv.Itoa(perPage)}, "pagination": {"keyset"}, "order_by": {"id"}, "sort": {"desc"},
	}
	for n := 1; ; n++ {
		if n > maxPages {
			return n, fmt.Errorf("gitlab: %s names more than %d pages", p.events, maxPages)
		}
		at := p.events + "?" + query.Encode()
		body, next, err := p.get(ctx, at)
		if err != nil {
			return n, err
		}
		env := p.Source.Envelope(at, p.Now().UTC(), body)
		events, dead, err := entries(env, body)
		if err != nil {
			return n, err
		}
		if err := f(env, events, dead); err != nil {
			return n, err
		}
		if next == nil {
			return n, nil
		}
		if next.Encode() == query.Encode() {
			return n, fmt.Errorf("gitlab: %s: page %d is followed by itself", p.events, n)
		}
		query = next
	}
}

// entries reads a page.
func entries(env event.Envelope, body []byte) (events []event.Event, dead []event.Dead, err error) {
	if !jsonscan.Valid(body) || len(body) == 0 || body[0] != '[' {
		return nil, nil, fmt.Errorf("gitlab: %s: the answer is no JSON array", env.Origin)
	}
	index := 0
	jsonscan.Elements(body, func(raw []byte) bool {
		e, err := IdentifyAudit(raw)
		e.Index = index
		if err != nil {
			dead = append(dead, event.Dead{Envelope: env, Reason: err.Error(), Cause: "malformed", Index: index, Raw: raw})
		} else {
			events = append(events, e)
		}
		index++
		return true
	})
	return events, dead, nil
}

// get returns a page and the query of the next one, if there is one. The token is
// read again each time, so that one that expires can be replaced.
func (p *poller) get(ctx context.Context, at string) (body []byte, next url.Values, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("gitlab: %w", err)
	}
	token, err := ingest.ReadSecret(p.token)
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("PRIVATE-TOKEN", token)
	req.Header.Set("Accept", "application/json")
	res, err := p.client.Do(req)
	if err != nil {
		return nil, nil, fmt.Errorf("gitlab: %w", err)
	}
	defer res.Body.Close() //nolint:errcheck // it was only read
	body, err = io.ReadAll(io.LimitReader(res.Body, maxPage+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("gitlab: %s: %w", at, err)
	case res.StatusCode != http.StatusOK:
		return nil, nil, refused(res, at, p.Now())
	case len(body) > maxPage:
		return nil, nil, fmt.Errorf("gitlab: %s: the page is larger than %d bytes", at, maxPage)
	}
	return body, ingest.NextPage(res.Header), nil
}

// refused says what an answer other than 200 means for us.
func refused(res *http.Response, at string, now time.Time) error {
	err := fmt.Errorf("gitlab: %s: %s", at, res.Status)
	switch res.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return fmt.Errorf("%w; the token in token-file needs the scope read_api, and its user has to be owner of the group or administrator", err)
	}
	if after, said := ingest.RetryAfter(res.Header, now); said {
		return fmt.Errorf("%w (%w)", err, &backoff.RetryAfterError{Duration: after})
	}
	return err
}

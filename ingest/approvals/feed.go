package approvals

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/jsonscan"
)

// Feed is what one system posts: JSON objects of its own shape. What they
// approve is said by rules; here is only how they are told apart.
type Feed struct {
	Product, Service string
	// has is a path that each of its events has, by which it is recognised.
	has []string
	// ids are paths whose values together identify an event, where no header does.
	ids [][]string
	// header names an event, over its repetitions.
	header string
	// times are where the time stands, the first that can be read counts.
	times [][]string
}

// Feeds are the systems that are read, by product.
var Feeds = map[string]Feed{
	// developer.atlassian.com, "Webhooks": the identifier stays over retries.
	"jira": {
		Product: "jira", Service: "webhook", has: []string{"webhookEvent"}, header: "X-Atlassian-Webhook-Identifier",
		ids: [][]string{{"webhookEvent"}, {"issue", "id"}, {"timestamp"}}, times: [][]string{{"timestamp"}},
	},
	// Its shape is that of deploy/servicenow-change.js.
	"servicenow": {
		Product: "servicenow", Service: "change", has: []string{"number"},
		ids: [][]string{{"sys_id"}, {"sys_mod_count"}}, times: [][]string{{"sys_updated_on"}},
	},
	// developer.pagerduty.com, "V3 webhooks".
	"pagerduty": {
		Product: "pagerduty", Service: "webhook", has: []string{"event", "event_type"},
		ids: [][]string{{"event", "id"}}, times: [][]string{{"event", "occurred_at"}},
	},
	// goteleport.com/docs, "Audit event reference".
	"teleport": {
		Product: "teleport", Service: "audit", has: []string{"event"},
		ids: [][]string{{"uid"}}, times: [][]string{{"time"}},
	},
	// A record of the table of requests of aws-samples/iam-identity-center-team, as
	// DynamoDB Streams has it (API reference, "Record").
	"team": {
		Product: "team", Service: "request", has: []string{"dynamodb", "NewImage"},
		ids: [][]string{{"eventID"}}, times: [][]string{{"dynamodb", "NewImage", "updatedAt", "S"}, {"dynamodb", "ApproximateCreationDateTime"}},
	},
}

// maxID bounds an event's ID in bytes.
const maxID = 500

// Identify reads an event's identity and time. named is the value of the feed's
// header; empty if it is not known.
func (f Feed) Identify(named string, raw []byte) (event.Event, error) {
	if !jsonscan.Valid(raw) || !bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{")) {
		return event.Event{}, fmt.Errorf("%s: the body is no JSON object", f.Product)
	}
	if jsonscan.Get(raw, f.has...) == nil {
		return event.Event{}, fmt.Errorf("%s: the body has no %s, so it is no event of it", f.Product, dotted(f.has))
	}
	e := event.Event{ID: named, Original: event.DigestOf(raw), Raw: ingest.Redact(f.Product, raw)}
	for i, path := range f.ids {
		if named != "" {
			break
		}
		if i > 0 {
			e.ID += "/"
		}
		e.ID += jsonscan.GetText(raw, path...)
	}
	if len(e.ID) > maxID {
		return event.Event{}, fmt.Errorf("%s: the event's id is longer than %d bytes", f.Product, maxID)
	}
	for _, path := range f.times {
		if t := parseTime(jsonscan.GetText(raw, path...)); !t.IsZero() {
			e.Occurred = t
			return e, nil
		}
	}
	return event.Event{}, fmt.Errorf("%s: the event has no time in %s: an approval has to say when it was given", f.Product, dotted(f.times[0]))
}

func dotted(path []string) string {
	return strings.Join(path, ".")
}

// parseTime reads RFC 3339, what ServiceNow writes (UTC, without saying so), and
// Unix times in seconds or milliseconds.
func parseTime(s string) time.Time {
	for _, layout := range []string{time.RFC3339, time.DateTime} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Truncate(time.Microsecond)
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil || n <= 0 || n > 1e15:
		return time.Time{}
	case n > 1e11: // seconds would be in the year 5138
		return time.UnixMilli(int64(n)).UTC()
	}
	return time.Unix(int64(n), 0).UTC()
}

// parse reads one event, or an array of them: some shippers send what they have.
func (f Feed) parse(d ingest.Delivery) (events []event.Event, dead []event.Dead, err error) {
	named := ""
	if f.header != "" {
		named = d.Header.Get(f.header)
	}
	if !bytes.HasPrefix(bytes.TrimLeft(d.Body, " \t\r\n"), []byte("[")) {
		e, err := f.Identify(named, d.Body)
		if err != nil {
			return nil, nil, err
		}
		return []event.Event{e}, nil, nil
	}
	if !jsonscan.Valid(d.Body) {
		return nil, nil, errors.New(f.Product + ": the body is not valid JSON")
	}
	return d.Items(d.Body, func(raw []byte) (event.Event, error) { return f.Identify("", raw) })
}

// receive returns a receiver of the feed.
func (f Feed) receive(in ingest.Intake, knows func(*http.Request) error) *ingest.Receiver {
	return &ingest.Receiver{Intake: in, MaxBody: maxBody, Knows: knows, Parse: f.parse}
}

func (f Feed) source() ingest.Source { return ingest.Source{Product: f.Product, Service: f.Service} }

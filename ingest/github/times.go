package github

import (
	"cmp"
	"errors"
	"strconv"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/jsonscan"
)

// timePaths are where GitHub's own clock stands in a payload, by event and
// action, or by event. Times of commits are not among them, nor that of a
// release's making, which is its commit's: their authors choose those. Neither
// are those of branch protection rules and hooks: their updated_at stays at
// their making, whatever happens to them, so such events are dated by their
// arrival. A time that stays, such as that of a merge, dates no later action.
var timePaths = map[string][][]string{
	"push":                          {{"repository", "pushed_at"}},
	"pull_request closed":           {{"pull_request", "merged_at"}, {"pull_request", "closed_at"}},
	"pull_request":                  {{"pull_request", "updated_at"}},
	"pull_request_review submitted": {{"review", "submitted_at"}},
	"pull_request_review":           {{"review", "updated_at"}, {"pull_request", "updated_at"}},
	"deployment":                    {{"deployment", "created_at"}},
	"deployment_status":             {{"deployment_status", "updated_at"}, {"deployment_status", "created_at"}},
	"deployment_review":             {{"since"}, {"workflow_run", "updated_at"}},
	"workflow_run":                  {{"workflow_run", "updated_at"}},
	"workflow_job":                  {{"workflow_job", "completed_at"}, {"workflow_job", "started_at"}, {"workflow_job", "created_at"}},
	"release":                       {{"release", "updated_at"}, {"release", "published_at"}},
	"branch_protection_rule":        {},
	"meta":                          {},
}

// occurred is when the event happened by GitHub's clock, or zero if the
// payload does not say.
func occurred(kind string, raw []byte) time.Time {
	paths, known := timePaths[kind]
	if !known {
		// Most payloads hold the object that they are about under the event's name.
		paths = [][]string{{kind, "updated_at"}, {kind, "created_at"}}
	}
	if exact := timePaths[kind+" "+jsonscan.GetText(raw, "action")]; exact != nil {
		paths = append(exact[:len(exact):len(exact)], paths...)
	}
	for _, path := range paths {
		if t := parseTime(jsonscan.GetText(raw, path...)); !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// parseTime reads RFC 3339 or Unix seconds or milliseconds.
func parseTime(s string) time.Time {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC().Truncate(time.Microsecond)
		}
	}
	n, err := strconv.ParseFloat(s, 64)
	switch {
	case err != nil || !(n > 0 && n <= 1e14): // and not a number
		return time.Time{}
	case n < 1e10:
		return time.Unix(int64(n), 0).UTC()
	}
	return time.UnixMilli(int64(n)).UTC()
}

// IdentifyAudit reads an audit log entry's identity and time, and redacts it.
func IdentifyAudit(raw []byte) (event.Event, error) {
	if !jsonscan.Valid(raw) || jsonscan.GetText(raw, "action") == "" {
		return event.Event{}, errors.New("github: the entry of the audit log names no action")
	}
	e := event.Event{
		// An appliance has it among the data.
		ID:       cmp.Or(jsonscan.GetText(raw, "_document_id"), jsonscan.GetText(raw, "data", "_document_id")),
		Original: event.DigestOf(raw), Raw: ingest.Redact(Product, raw),
	}
	for _, key := range []string{"@timestamp", "at_sign_timestamp", "created_at", "timestamp"} {
		if e.Occurred = parseTime(jsonscan.GetText(raw, key)); !e.Occurred.IsZero() {
			break
		}
	}
	return e, nil
}

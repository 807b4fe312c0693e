package approvals_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"sidedoor/ingest"
	"sidedoor/ingest/approvals"
	"sidedoor/ingest/ingesttest"
)

// The feeds' events, in the shape in which the systems send them.
const (
	transition = `{"timestamp":1794819600123,"webhookEvent":"jira:issue_updated","issue_event_type_name":"issue_generic","user":{"accountId":"5b10","emailAddress":"bob@acme.example"},` +
		`"issue":{"id":"10042","key":"CHG-7","fields":{"status":{"name":"Approved"}}},"changelog":{"id":"1","items":[{"field":"status","fromString":"In review","toString":"Approved"}]}}`
	change     = `{"number":"CHG0030001","sys_id":"a1b2","sys_mod_count":"4","sys_updated_on":"2026-11-16 09:00:00","approval":"approved"}`
	incident   = `{"event":{"id":"01CH","event_type":"incident.triggered","resource_type":"incident","occurred_at":"2026-11-16T09:00:00.123Z","data":{"id":"PGR0VU2","type":"incident","number":2}}}`
	review     = `{"code":"T5002I","event":"access_request.review","id":"0190-ab","proposed_state":"APPROVED","reviewer":"bob","state":"APPROVED","time":"2026-11-16T09:00:00.123Z","uid":"u-1"}`
	teamRecord = `{"eventID":"e-1","eventName":"MODIFY","eventSource":"aws:dynamodb","dynamodb":{"ApproximateCreationDateTime":1794819600,"NewImage":{"id":{"S":"r-1"},"status":{"S":"approved"}}}}`
)

func signature(prefix, secret, body string) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(body))
	return prefix + hex.EncodeToString(m.Sum(nil))
}

func TestEachFeedIsTakenFromWhoShowsItsSecretAndFromNobodyElse(t *testing.T) {
	at := ingest.Endpoint{Path: "/x", TokenFile: ingesttest.Secret(t, token)}
	jira, pagerDuty := &approvals.Jira{}, &approvals.PagerDuty{}
	jira.Path, jira.SecretFile = "/x", ingesttest.Secret(t, token)
	pagerDuty.Path, pagerDuty.SecretFile = "/x", ingesttest.Secret(t, token)
	for name, c := range map[string]struct {
		kind       ingest.Kind
		body, id   string
		at         time.Time
		show, fake []string
	}{
		"jira": {
			jira, transition, "7f3a", time.UnixMilli(1794819600123),
			[]string{"X-Hub-Signature", signature("sha256=", token, transition), "X-Atlassian-Webhook-Identifier", "7f3a"},
			[]string{"X-Hub-Signature", signature("sha256=", "another", transition)},
		},
		"pagerduty, while its secret is replaced": {
			pagerDuty, incident, "01CH", time.Date(2026, 11, 16, 9, 0, 0, 123e6, time.UTC),
			[]string{"X-PagerDuty-Signature", signature("v1=", "old", incident) + "," + signature("v1=", token, incident)},
			[]string{"X-PagerDuty-Signature", signature("v2=", token, incident)},
		},
		"servicenow with a token": {
			&approvals.ServiceNow{Path: "/x", TokenFile: ingesttest.Secret(t, token)}, change, "a1b2/4", time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC),
			[]string{"Authorization", "Bearer " + token}, []string{"Authorization", "Bearer x"},
		},
		"servicenow with a password": {
			&approvals.ServiceNow{Path: "/x", BasicFile: ingesttest.Secret(t, "sidedoor:hunter2hunter2")}, change, "a1b2/4", time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC),
			[]string{"Authorization", "Basic c2lkZWRvb3I6aHVudGVyMmh1bnRlcjI="}, []string{"Authorization", "Basic c2lkZWRvb3I6eA=="},
		},
		"teleport": {
			&approvals.Teleport{Endpoint: at}, review, "u-1", time.Date(2026, 11, 16, 9, 0, 0, 123e6, time.UTC),
			[]string{"Authorization", "Bearer " + token}, nil,
		},
		"team": {
			&approvals.Team{Endpoint: at}, teamRecord, "e-1", time.Unix(1794819600, 0),
			[]string{"Authorization", "Bearer " + token}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			if err := c.kind.Validate(); err != nil {
				t.Fatal(err)
			}
			h, sink := ingesttest.Handler(t, c.kind, "outside", "acme")
			fake := c.fake
			if fake == nil {
				fake = []string{"Authorization", ""}
			}
			if code := post(t, h, c.body, append([]string{"Authorization", ""}, fake...)...); code != http.StatusUnauthorized {
				t.Errorf("from somebody else: %d", code)
			}
			if code := post(t, h, `{"hello":"world"}`, resign(c.show, `{"hello":"world"}`)...); code != http.StatusBadRequest {
				t.Errorf("something else: %d", code)
			}
			if code := post(t, h, c.body, c.show...); code != http.StatusAccepted {
				t.Errorf("%d", code)
			}
			if e := sink.Events(); len(e) != 1 || e[0].ID != c.id || !e[0].Occurred.Equal(c.at) || string(e[0].Raw) != c.body {
				t.Errorf("stored %+v", e)
			}
		})
	}
}

// resign signs another body as the headers of one are signed.
func resign(headers []string, body string) []string {
	out := append([]string(nil), headers...)
	switch out[0] {
	case "X-Hub-Signature":
		out[1] = signature("sha256=", token, body)
	case "X-PagerDuty-Signature":
		out[1] = signature("v1=", token, body)
	}
	return out
}

func TestWhatAFeedSendsInOneArrayIsTakenOneByOne(t *testing.T) {
	h, sink := ingesttest.Handler(t, &approvals.Team{Endpoint: ingest.Endpoint{Path: "/x", TokenFile: ingesttest.Secret(t, token)}}, "team", "acme")
	if code := post(t, h, "["+teamRecord+`,{"eventName":"REMOVE"}]`); code != http.StatusAccepted {
		t.Fatal(code)
	}
	if e, d := sink.Events(), sink.Dead(); len(e) != 1 || len(d) != 1 || d[0].Index != 1 {
		t.Errorf("stored %+v, dead %+v", e, d)
	}
}

func TestAFeedThatCannotShowWhoItIsIsRefused(t *testing.T) {
	for want, k := range map[string]ingest.Kind{
		"secret-file": &approvals.Jira{}, "either token-file": &approvals.ServiceNow{Path: "/x"},
		"token-file": &approvals.Teleport{}, "path": &approvals.Team{},
	} {
		if err := k.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%T: %v", k, err)
		}
	}
	if _, err := (&approvals.ServiceNow{BasicFile: ingesttest.Secret(t, "no password here")}).Open(ingest.Intake{}); err == nil {
		t.Error("a name without a password: no error")
	}
}

func FuzzFeeds(f *testing.F) {
	for _, raw := range []string{transition, change, incident, review, teamRecord, `{"timestamp":1e400}`, `{"webhookEvent":[],"timestamp":-1}`} {
		f.Add([]byte(raw))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for name, feed := range approvals.Feeds {
			e, err := feed.Identify("", raw)
			if err == nil && (!json.Valid(e.Raw) || e.Occurred.IsZero()) {
				t.Errorf("%s: %+v", name, e)
			}
		}
	})
}

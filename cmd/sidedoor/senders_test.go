package main

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/github"
)

// said is an event as its sender knows it: where it is identical, which hour it is
// of, and the digest of its bytes.
type said struct {
	id, kind string
	at       time.Time
	digest   event.Digest
}

// ledger is what a sender sent, kept by the sender alone.
type ledger struct {
	source string
	events map[said]bool // that are different from all others
	// items are all events and all that is no event, as often as the monitor said
	// that it took them, and unsure those of which no answer came: a process that
	// is killed may have them or not.
	items, unsure int
	bad           int // of items, those that are no event
}

// shipment is one delivery: its events, and how much of it is none.
type shipment struct {
	path   string
	body   []byte
	header http.Header
	events []said
	bad    int
	whole  bool // nothing of it can be read, so that it is refused
}

func (l *ledger) note(sh shipment) {
	if l.events == nil {
		l.events = map[said]bool{}
	}
	for _, e := range sh.events {
		l.events[e] = true
	}
}

// send posts until there is an answer, and counts.
func (l *ledger) send(addr string, sh shipment) error {
	l.note(sh)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	for give := time.Now().Add(time.Minute); time.Now().Before(give); time.Sleep(10 * time.Millisecond) {
		req, err := http.NewRequest(http.MethodPost, "http://"+addr+sh.path, bytes.NewReader(sh.body))
		if err != nil {
			return err
		}
		req.Header = sh.header.Clone()
		resp, err := client.Do(req)
		if errors.Is(err, syscall.ECONNREFUSED) {
			continue
		}
		if err != nil {
			l.unsure += len(sh.events) + sh.bad
			continue
		}
		answer, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		switch {
		case resp.StatusCode == http.StatusAccepted && !sh.whole, resp.StatusCode == http.StatusBadRequest && sh.whole:
			l.items += len(sh.events) + sh.bad
			l.bad += sh.bad
			return nil
		case resp.StatusCode >= 500:
			l.unsure += len(sh.events) + sh.bad
		default:
			return fmt.Errorf("%s: %s %s", l.source, resp.Status, answer)
		}
	}
	return fmt.Errorf("%s: %s takes nothing", l.source, sh.path)
}

// jsonHeader is a header of the given names and values, of JSON.
func jsonHeader(pairs ...string) http.Header {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}

func hexSign(body []byte) string {
	return "sha256=" + hex.EncodeToString(github.Sign(siteSecret, body))
}

// auditList is a list of the API server: an event of its own, one that was in the
// list before, and something that is none.
func auditList(n int, at time.Time) shipment {
	sh := shipment{path: "/k", header: jsonHeader("Authorization", "Bearer "+siteSecret), bad: 1}
	var items []string
	for i := n; i >= max(n-1, 0); i-- {
		raw := fmt.Sprintf(`{"auditID":"a-%d","stage":"ResponseComplete","stageTimestamp":%q,"verb":"get","user":{"username":"alice"}}`, i, clockText(at, i))
		items = append(items, raw)
		sh.events = append(sh.events, said{id: fmt.Sprintf("a-%d/ResponseComplete", i), at: minute(at, i), digest: event.DigestOf([]byte(raw))})
	}
	items = append(items, `{"no":"event"}`)
	sh.body = fmt.Appendf(nil, `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[%s]}`, strings.Join(items, ","))
	return sh
}

// hook is a delivery of GitHub under a GUID.
func hook(guid string, n int, at time.Time, says string) shipment {
	body := fmt.Appendf(nil, `{"action":"opened","says":%q,"pull_request":{"number":%d,"updated_at":%q},"repository":{"full_name":"acme/shop"}}`, says, n, clockText(at, n))
	return shipment{
		path: "/g", body: body, header: jsonHeader("X-GitHub-Event", "pull_request", "X-GitHub-Delivery", guid, "X-Hub-Signature-256", hexSign(body)),
		events: []said{{id: guid, kind: "pull_request", at: minute(at, n), digest: event.DigestOf(body)}},
	}
}

// mergeRequest is a webhook of GitLab.
func mergeRequest(n int, at time.Time) shipment {
	body := fmt.Appendf(nil, `{"object_kind":"merge_request","object_attributes":{"iid":%d,"action":"open","updated_at":%q}}`, n, clockText(at, n))
	key := fmt.Sprintf("key-%d", n)
	return shipment{
		path: "/gl", body: body, header: jsonHeader("X-Gitlab-Token", siteSecret, "Idempotency-Key", key),
		events: []said{{id: key, kind: "merge_request", at: minute(at, n), digest: event.DigestOf(body)}},
	}
}

// pipelineRun is a batch of CloudEvents: two CDEvents, and something that is none.
func pipelineRun(n int, at time.Time) shipment {
	sh := shipment{path: "/ci", header: http.Header{"Content-Type": {"application/cloudevents-batch+json"}, "Authorization": {"Bearer " + siteSecret}}, bad: 1}
	var items []string
	for _, what := range []string{"started", "finished"} {
		raw := fmt.Sprintf(`{"specversion":"1.0","id":"x-%[1]d-%[2]s","source":"/ci","type":"dev.cdevents.pipelinerun.%[2]s.0.2.0","data":{"context":{"id":"c-%[1]d-%[2]s","source":"/ci","type":"dev.cdevents.pipelinerun.%[2]s.0.2.0","timestamp":%[3]q},"subject":{"id":"run-%[1]d"}}}`,
			n, what, clockText(at, n))
		items = append(items, raw)
		sh.events = append(sh.events, said{id: fmt.Sprintf("/ci/c-%d-%s", n, what), at: minute(at, n), digest: event.DigestOf([]byte(raw))})
	}
	sh.body = fmt.Appendf(nil, "[%s,7]", strings.Join(items, ","))
	return sh
}

// issue is a webhook of Jira.
func issue(n int, at time.Time) shipment {
	body := fmt.Appendf(nil, `{"webhookEvent":"jira:issue_updated","timestamp":%d,"issue":{"id":"%d","key":"CHG-%d"}}`, minute(at, n).UnixMilli(), n, n)
	id := fmt.Sprintf("w-%d", n)
	return shipment{
		path: "/j", body: body, header: jsonHeader("X-Hub-Signature", hexSign(body), "X-Atlassian-Webhook-Identifier", id),
		events: []said{{id: id, at: minute(at, n), digest: event.DigestOf(body)}},
	}
}

// noJSON is what nobody can read, from a sender who may send.
func noJSON(of shipment) shipment {
	body := []byte(`{"half":`)
	of.header = of.header.Clone()
	for name := range of.header {
		if strings.HasPrefix(name, "X-Hub-Signature") {
			of.header.Set(name, hexSign(body))
		}
	}
	return shipment{path: of.path, body: body, header: of.header, bad: 1, whole: true}
}

// trailRecords are the records of a log file: events of its own, and something that
// is none.
func trailRecords(n int, at time.Time) shipment {
	sh := shipment{bad: 1}
	var items []string
	for i := range 5 {
		raw := fmt.Sprintf(`{"eventVersion":"1.11","eventID":"e-%d-%d","eventName":"GetObject","eventSource":"s3.amazonaws.com","eventTime":%q,"awsRegion":"eu-west-1","recipientAccountId":"111122223333"}`,
			n, i, clockText(at, n))
		items = append(items, raw)
		sh.events = append(sh.events, said{id: fmt.Sprintf("e-%d-%d", n, i), at: minute(at, n), digest: event.DigestOf([]byte(raw))})
	}
	sh.body = fmt.Appendf(nil, `{"Records":[%s,7]}`, strings.Join(items, ","))
	return sh
}

// put puts a log file into the trail's folder.
func (l *ledger) put(s *site, name string, sh shipment) {
	l.note(sh)
	l.items += len(sh.events) + sh.bad
	l.bad += sh.bad
	s.write(filepath.Join("trail", name), string(sh.body))
}

// minute spreads what happens over the hours after at, three minutes apart.
func minute(at time.Time, n int) time.Time { return at.Add(time.Duration(n) * 3 * time.Minute) }

func clockText(at time.Time, n int) string { return minute(at, n).Format(time.RFC3339) }

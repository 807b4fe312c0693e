package logfile

import (
	"strings"

	"sidedoor/event"
	"sidedoor/ingest/github"
	"sidedoor/ingest/gitlab"
	"sidedoor/ingest/jsonscan"
)

// delivery is a webhook that was kept with its headers.
type delivery struct {
	kind, guid string // of GitHub
	payload    []byte
	gitlab     bool
	key        string // GitLab's Idempotency-Key
}

func (d delivery) identify() (origin, event.Event, error) {
	if d.gitlab {
		e, err := gitlab.IdentifyWebhook(d.key, d.payload)
		return fromGitLab, e, err
	}
	e, err := github.IdentifyWebhook(d.kind, d.guid, d.payload)
	return fromWebhook, e, err
}

// webhookDelivery reads a webhook that was kept with its headers: as GitHub's own API
// for deliveries returns it, or flat, with the event's name beside the payload.
func webhookDelivery(s shape) (delivery, bool) {
	if s.has("event", "request") {
		payload := quoted(jsonscan.Get(s["request"], "payload"))
		return delivery{kind: s.text("event"), guid: s.text("guid"), payload: payload}, payload != nil
	}
	for _, body := range []string{"payload", "body"} {
		if s[body] == nil {
			continue
		}
		d := delivery{payload: quoted(s[body])}
		for key, value := range s {
			switch strings.ToLower(strings.ReplaceAll(key, "_", "-")) {
			case "event", "event-header", "event-name":
				d.kind = jsonscan.Text(value)
			case "guid", "delivery", "delivery-id":
				d.guid = jsonscan.Text(value)
			case "headers":
				jsonscan.Members(value, func(key string, value []byte) bool {
					d.header(strings.ToLower(key), jsonscan.Text(value))
					return true
				})
			default:
				d.header(strings.ToLower(strings.ReplaceAll(key, "_", "-")), jsonscan.Text(value))
			}
		}
		return d, d.kind != "" || d.gitlab
	}
	return delivery{}, false
}

// header reads a header that tells what the delivery is.
func (d *delivery) header(name, value string) {
	switch name {
	case "x-github-event":
		d.kind = first(d.kind, value)
	case "x-github-delivery":
		d.guid = first(d.guid, value)
	case "x-gitlab-event":
		d.gitlab = value != ""
	case "idempotency-key":
		d.key = value
	}
}

// quoted takes a payload out of the string that some keep it in.
func quoted(payload []byte) []byte {
	if text := jsonscan.Text(payload); strings.HasPrefix(text, "{") {
		return []byte(text)
	}
	return payload
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

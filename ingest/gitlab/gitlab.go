// Package gitlab receives GitLab's webhooks, system hooks among them, and its
// audit events, streamed or read by the API.
//
// A webhook names itself in its body, as object_kind or event_name, and has no
// id there: the header Idempotency-Key, which stays over repetitions, is one. A
// signature covers the body only where the webhook has a signing token. GitLab
// switches off a webhook that fails too often, so silence needs an alarm. Audit events have an id; those that are streamed say their
// event_type at the top, those of the API in their details or not at all.
//
// Formats: docs.gitlab.com, "Webhook events", "System hooks" and "Audit event
// schema".
package gitlab

import (
	"bytes"
	"errors"
	"regexp"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/jsonscan"
)

// Product and the services are the Sigma log sources of the events.
const (
	Product        = "gitlab"
	ServiceWebhook = "webhook"
	ServiceAudit   = "audit"
)

// name is what an event may be called.
var name = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

// KindOf returns what a webhook calls itself, or "" if it is none of GitLab's.
// A push by a system hook says event_name only, one by a project's hook both.
func KindOf(raw []byte) string {
	for _, key := range []string{"object_kind", "event_name"} {
		if kind := jsonscan.GetText(raw, key); name.MatchString(kind) {
			return kind
		}
	}
	return ""
}

// IdentifyWebhook reads a webhook's name and time, and redacts it. key is its
// Idempotency-Key, if that is known.
func IdentifyWebhook(key string, raw []byte) (event.Event, error) {
	if !isObject(raw) {
		return event.Event{}, errors.New("gitlab: the payload is no JSON object")
	}
	kind := KindOf(raw)
	if kind == "" {
		return event.Event{}, errors.New("gitlab: the payload names no event: object_kind and event_name are missing")
	}
	return event.Event{
		ID: key, Kind: kind, Occurred: occurred(kind, raw), Original: event.DigestOf(raw), Raw: ingest.Redact(Product, raw),
	}, nil
}

// IdentifyAudit reads an audit event's identity and time, and redacts it.
func IdentifyAudit(raw []byte) (event.Event, error) {
	if !isObject(raw) || !IsAudit(raw) {
		return event.Event{}, errors.New("gitlab: the entry is no audit event: it has no author_id, entity_type or details")
	}
	return event.Event{
		ID: jsonscan.GetText(raw, "id"), Occurred: parseTime(jsonscan.GetText(raw, "created_at")),
		Original: event.DigestOf(raw), Raw: ingest.Redact(Product, raw),
	}, nil
}

// IsAudit says whether an object has the shape of an audit event.
func IsAudit(raw []byte) bool {
	author, entity, details := false, false, false
	jsonscan.Members(raw, func(key string, _ []byte) bool {
		author = author || key == "author_id"
		entity = entity || key == "entity_type"
		details = details || key == "details"
		return true
	})
	return author && entity && details
}

func isObject(raw []byte) bool {
	return jsonscan.Valid(raw) && bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{"))
}

// Package gitops reads what Argo CD and Flux say of their syncs: Argo CD's
// Application objects, as its API, a watch or a notification sends them, and
// Flux's events.
//
// An Application says of its last operation who began it, on which revision,
// and how it ended. It says so again with every later change of anything in it, so
// whoever sends Applications on should send one for each operation: an event's
// identity is the operation, with the content of the object.
//
// Neither is signed, and Flux leaves out repetitions.
//
// Formats: argoproj.io/v1alpha1, Application; Flux notification-controller,
// docs/spec/v1beta3/events.md.
package gitops

import (
	"errors"
	"strings"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/jsonscan"
)

// The products and services are the Sigma log sources of the events.
const (
	ProductArgo        = "argocd"
	ServiceApplication = "application"
	ProductFlux        = "flux"
	ServiceEvent       = "event"
)

// Application takes an Argo CD Application out of what may be around it: a
// watch's object, or the app of a notification. It returns nil if there is none.
func Application(raw []byte) []byte {
	for _, at := range [][]string{nil, {"object"}, {"application"}, {"app"}} {
		app := raw
		if at != nil {
			app = jsonscan.Get(raw, at...)
		}
		if isApplication(app) {
			return app
		}
	}
	return nil
}

// isApplication goes by kind and API where these are there, and else by the
// operation: a template of a notification may leave out the first two.
func isApplication(raw []byte) bool {
	api, kind := jsonscan.GetText(raw, "apiVersion"), jsonscan.GetText(raw, "kind")
	if api != "" || kind != "" {
		return kind == "Application" && strings.HasPrefix(api, "argoproj.io/")
	}
	return jsonscan.Get(raw, "status", "operationState") != nil && jsonscan.GetText(raw, "metadata", "name") != ""
}

// IdentifyApplication reads the identity and time of an Application's last
// operation. The event is the Application alone, without what was around it. It is
// dated by the operation's beginning: that is when somebody did it.
func IdentifyApplication(raw []byte) (event.Event, error) {
	if !jsonscan.Valid(raw) {
		return event.Event{}, errors.New("argocd: the object is not valid JSON")
	}
	app := Application(raw)
	if app == nil {
		return event.Event{}, errors.New("argocd: the object is no Application of argoproj.io")
	}
	e := event.Event{Original: event.DigestOf(raw), Raw: app}
	state := jsonscan.Get(app, "status", "operationState")
	started := jsonscan.GetText(state, "startedAt")
	e.Occurred = parseTime(started)
	if e.Occurred.IsZero() {
		e.Occurred = parseTime(jsonscan.GetText(state, "finishedAt"))
	}
	if uid := jsonscan.GetText(app, "metadata", "uid"); uid != "" && started != "" {
		e.ID = uid + "/" + started + "/" + jsonscan.GetText(state, "phase")
	}
	return e, nil
}

// IdentifyFlux reads an event's identity and time.
func IdentifyFlux(raw []byte) (event.Event, error) {
	object := jsonscan.Get(raw, "involvedObject")
	if !jsonscan.Valid(raw) || object == nil || jsonscan.GetText(raw, "reason") == "" {
		return event.Event{}, errors.New("flux: the event names no involvedObject or no reason")
	}
	e := event.Event{Original: event.DigestOf(raw), Raw: raw}
	at := jsonscan.GetText(raw, "timestamp")
	e.Occurred = parseTime(at)
	if uid := jsonscan.GetText(object, "uid"); uid != "" && at != "" {
		e.ID = uid + "/" + jsonscan.GetText(raw, "reason") + "/" + at
	}
	return e, nil
}

func parseTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// Package gitops reads what Argo CD and Flux say of their syncs: their objects,
// as the API of the cluster has them or a notification sends them, and Flux's
// events.
//
// An Application says of its last operation who began it, on which revision,
// and how it ended; a Kustomization or HelmRelease, which revision it is at or could not
// get to. They say so again with every later change of anything in them, so there is one event
// for each sync and not for each change. The event is the whole object as the
// API sent it, managedFields included: they say who wrote what. It is told by its
// identity, which is that of the sync.
//
// What nobody watched is in the history that the objects keep. Such a sync is an
// event, too: an excerpt of the object with that one entry of its history.
// Parts are left out in it and nothing is written anew, for to make it look like the
// operation that it was would be our reading in place of evidence. A change of what an
// object is to sync, and its deletion, are events of the form of a watch:
//
//	{"type":"MODIFIED","was":{"suspend":false,…},"object":{…}}
//	{"type":"DELETED","object":{…}}
//
// History has what succeeded as a whole. An attempt that failed, or a sync of some
// resources only, is known to who watches alone.
//
// Notifications are not signed but for Flux's generic-hmac, and Flux leaves out
// repetitions: to miss nothing, watch.
//
// Formats: argoproj.io/v1alpha1, Application; kustomize.toolkit.fluxcd.io/v1,
// Kustomization; helm.toolkit.fluxcd.io/v2, HelmRelease; source.toolkit.fluxcd.io/v1,
// GitRepository; Flux notification-controller, docs/spec/v1beta3/events.md.
package gitops

import (
	"errors"
	"strings"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/jsonscan"
)

// The products and services are the Sigma log sources of the events.
const (
	ProductArgo        = "argocd"
	ServiceApplication = "application"
	ProductFlux        = "flux"
	ServiceEvent       = "event"
	ServiceObject      = "object"
)

// The types of events that have the form of a watch.
const (
	modified = "MODIFIED"
	deleted  = "DELETED"
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
// operation, or of the one entry of its history if it is an excerpt. The event
// is the Application alone, without what was around it, unless it was deleted. It is
// dated by the operation's beginning: that is when somebody did it.
func IdentifyApplication(raw []byte) (event.Event, error) {
	if !jsonscan.Valid(raw) {
		return event.Event{}, errors.New("argocd: the object is not valid JSON")
	}
	app := Application(raw)
	if app == nil {
		return event.Event{}, errors.New("argocd: the object is no Application of argoproj.io")
	}
	if isDeletion(raw) {
		return identifyChange(ProductArgo, raw), nil
	}
	e := event.Event{Original: event.DigestOf(raw), Raw: ingest.Redact(ProductArgo, app)}
	uid := jsonscan.GetText(app, "metadata", "uid")
	state := jsonscan.Get(app, "status", "operationState")
	if entry := only(jsonscan.Get(app, "status", "history")); state == nil && entry != nil {
		past := argoEntry(entry)
		e.ID, e.Occurred = pastID(uid, past), past.at
		return e, nil
	}
	if e.Occurred = jsonscan.GetTime(state, "startedAt"); e.Occurred.IsZero() {
		e.Occurred = jsonscan.GetTime(state, "finishedAt")
	}
	if started := jsonscan.GetText(state, "startedAt"); uid != "" && started != "" {
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
	e := event.Event{
		Occurred: jsonscan.GetTime(raw, "timestamp"), Original: event.DigestOf(raw), Raw: ingest.Redact(ProductFlux, raw),
	}
	at := jsonscan.GetText(raw, "timestamp")
	if uid := jsonscan.GetText(object, "uid"); uid != "" && at != "" {
		e.ID = uid + "/" + jsonscan.GetText(raw, "reason") + "/" + at
	}
	return e, nil
}

// isDeletion says whether raw is a watch's event of a deletion.
func isDeletion(raw []byte) bool {
	return jsonscan.GetText(raw, "type") == deleted && jsonscan.Get(raw, "object") != nil
}

// identifyChange reads the identity of an event of the form of a watch. Only
// a deletion may have a time.
func identifyChange(product string, raw []byte) event.Event {
	metadata := jsonscan.Get(raw, "object", "metadata")
	e := event.Event{Original: event.DigestOf(raw), Raw: ingest.Redact(product, raw)}
	suffix := "/generation/" + jsonscan.GetText(metadata, "generation")
	if isDeletion(raw) {
		suffix = "/deleted"
		e.Occurred = jsonscan.GetTime(metadata, "deletionTimestamp")
	}
	if uid := jsonscan.GetText(metadata, "uid"); uid != "" {
		e.ID = uid + suffix
	}
	return e
}

// only returns the element of an array that has no other.
func only(array []byte) []byte {
	var element []byte
	n := 0
	jsonscan.Elements(array, func(v []byte) bool {
		element = v
		n++
		return n < 2
	})
	if n != 1 {
		return nil
	}
	return element
}

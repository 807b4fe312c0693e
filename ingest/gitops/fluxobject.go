package gitops

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/jsonscan"
)

// Flux's objects. A GitRepository says which repository the revisions are of,
// which the objects that apply them do not.
var (
	kustomizations = kind{
		name: "kustomizations", one: "Kustomization", group: "kustomize.toolkit.fluxcd.io", version: "v1", product: ProductFlux, keeps: 5,
		kept: []string{"sourceRef", "path", "targetNamespace", "kubeConfig"}, read: readKustomization, identify: IdentifyFluxObject,
	}
	helmReleases = kind{
		name: "helmreleases", one: "HelmRelease", group: "helm.toolkit.fluxcd.io", version: "v2", product: ProductFlux, optional: true,
		numbers: true, first: 1, restarts: true,
		kept: []string{"chart", "chartRef", "releaseName", "targetNamespace", "kubeConfig"}, read: readRelease, identify: IdentifyFluxObject,
	}
	gitRepositories = kind{
		name: "gitrepositories", one: "GitRepository", group: "source.toolkit.fluxcd.io", version: "v1", product: ProductFlux, optional: true,
		read: readRepository, identify: IdentifyFluxObject,
	}
)

// settings are the members of a spec that say what is synced, whence and
// whether. Values of charts are not among them: they may be large.
var settings = []string{
	"suspend", "sourceRef", "path", "targetNamespace", "serviceAccountName", "kubeConfig", "prune", "force", "components",
	"chart", "chartRef", "releaseName", "driftDetection", "url", "ref", "verify", "ignore",
}

// maxSettings bounds in bytes what is remembered of a spec.
const maxSettings = 16 << 10

func settingsOf(raw []byte) []byte {
	s := members(jsonscan.Get(raw, "spec"), settings...)
	if len(s) > maxSettings {
		return object(member{"digest", quoted(event.DigestOf(s).String())})
	}
	return s
}

// IsFluxObject says whether raw is one of Flux's objects that are read here, or
// an event of a watch with one.
func IsFluxObject(raw []byte) bool { return fluxKind(raw) != "" }

func fluxKind(raw []byte) string {
	if object := jsonscan.Get(raw, "object"); object != nil && jsonscan.GetText(raw, "type") != "" {
		raw = object
	}
	group, _, _ := strings.Cut(jsonscan.GetText(raw, "apiVersion"), "/")
	switch kind := jsonscan.GetText(raw, "kind"); kind + "." + group {
	case "Kustomization.kustomize.toolkit.fluxcd.io", "HelmRelease.helm.toolkit.fluxcd.io", "GitRepository.source.toolkit.fluxcd.io":
		return kind
	}
	return ""
}

// IdentifyFluxObject reads the identity and time of what a Kustomization,
// HelmRelease or GitRepository says it did last, or of the one entry of its history
// if it is an excerpt.
func IdentifyFluxObject(raw []byte) (event.Event, error) {
	if !json.Valid(raw) {
		return event.Event{}, errors.New("flux: the object is not valid JSON")
	}
	kind := fluxKind(raw)
	if kind == "" {
		return event.Event{}, errors.New("flux: the object is no Kustomization, HelmRelease or GitRepository of toolkit.fluxcd.io")
	}
	if jsonscan.Get(raw, "object") != nil && jsonscan.GetText(raw, "type") != "" {
		return identifyChange(ProductFlux, raw), nil
	}
	e := event.Event{Original: event.DigestOf(raw), Raw: ingest.Redact(ProductFlux, raw)}
	uid, status := jsonscan.GetText(raw, "metadata", "uid"), jsonscan.Get(raw, "status")
	if entry := only(jsonscan.Get(status, "history")); entry != nil && jsonscan.Get(status, "conditions") == nil {
		p := fluxEntry(kind, entry)
		e.ID, e.Occurred = pastID(uid, p), p.at
		return e, nil
	}
	revision, at := fluxRevision(kind, status), ""
	if kind == "GitRepository" {
		at = jsonscan.GetText(status, "artifact", "lastUpdateTime")
		e.Occurred = jsonscan.GetTime(status, "artifact", "lastUpdateTime")
	} else {
		ready := readyOf(status)
		at = jsonscan.GetText(ready, "lastTransitionTime")
		e.Occurred = jsonscan.GetTime(ready, "lastTransitionTime")
		revision += "/" + jsonscan.GetText(ready, "reason")
	}
	if uid != "" && at != "" {
		e.ID = strings.Join([]string{uid, revision, jsonscan.GetText(status, "observedGeneration"), at}, "/")
	}
	return e, nil
}

func fluxEntry(kind string, raw []byte) past {
	if kind == "HelmRelease" {
		return releaseEntry(raw)
	}
	return kustomizationEntry(raw)
}

// fluxRevision is what was applied or, if the last attempt did not come so far,
// attempted.
func fluxRevision(kind string, status []byte) string {
	applied, attempted := jsonscan.GetText(status, "lastAppliedRevision"), jsonscan.GetText(status, "lastAttemptedRevision")
	switch {
	case kind == "GitRepository":
		return jsonscan.GetText(status, "artifact", "revision")
	case attempted != "":
		return attempted
	}
	return applied
}

// readyOf returns the condition Ready.
func readyOf(status []byte) []byte {
	var ready []byte
	jsonscan.Elements(jsonscan.Get(status, "conditions"), func(v []byte) bool {
		if jsonscan.GetText(v, "type") == "Ready" {
			ready = v
		}
		return true
	})
	return ready
}

// outcomeOf is a settled attempt: Ready is Unknown while one goes on. When it
// became so is no part of it, since Flux looks again every few minutes and
// comes to the same.
func outcomeOf(revision string, status []byte) string {
	ready := readyOf(status)
	switch is := jsonscan.GetText(ready, "status"); is {
	case "True", "False":
		return strings.Join([]string{revision, is, jsonscan.GetText(ready, "reason"), jsonscan.GetText(ready, "observedGeneration")}, "/")
	}
	return ""
}

func readKustomization(raw []byte, r *reading) {
	status := jsonscan.Get(raw, "status")
	revision := fluxRevision("Kustomization", status)
	r.outcome, r.settings = outcomeOf(revision, status), settingsOf(raw)
	jsonscan.Elements(jsonscan.Get(status, "history"), func(v []byte) bool {
		r.history = append(r.history, kustomizationEntry(v))
		return true
	})
	slices.Reverse(r.history)
	if n := len(r.history); n > 0 && r.history[n-1].revision == revision {
		r.current = r.history[n-1].key
	}
	r.silent = len(r.history) == 0 && jsonscan.GetText(status, "lastAppliedRevision") != ""
}

// kustomizationEntry reads an entry of status.history, of which there is one for each
// different content that was applied.
func kustomizationEntry(raw []byte) past {
	first := jsonscan.GetText(raw, "firstReconciled")
	return past{
		key: jsonscan.GetText(raw, "digest") + "@" + first, number: -1, at: jsonscan.GetTime(raw, "firstReconciled"),
		revision: jsonscan.GetText(raw, "metadata", "revision"), raw: raw,
	}
}

func readRelease(raw []byte, r *reading) {
	status := jsonscan.Get(raw, "status")
	jsonscan.Elements(jsonscan.Get(status, "history"), func(v []byte) bool {
		r.history = append(r.history, releaseEntry(v))
		return true
	})
	slices.SortStableFunc(r.history, func(a, b past) int { return int(a.number - b.number) })
	number := ""
	if n := len(r.history); n > 0 {
		r.current = r.history[n-1].key
		number = r.history[n-1].key
	}
	revision := fluxRevision("HelmRelease", status) + "/" + jsonscan.GetText(status, "lastAttemptedConfigDigest") + "/" + number
	r.outcome, r.settings = outcomeOf(revision, status), settingsOf(raw)
}

// releaseEntry reads a snapshot of a release; Helm numbers them from 1.
func releaseEntry(raw []byte) past {
	version := jsonscan.GetText(raw, "version")
	p := past{
		key: version + "@" + jsonscan.GetText(raw, "lastDeployed"), number: -1, at: jsonscan.GetTime(raw, "lastDeployed"),
		revision: jsonscan.GetText(raw, "chartVersion"), raw: raw,
		content: jsonscan.GetText(raw, "chartName") + "/" + jsonscan.GetText(raw, "chartVersion") + "/" + jsonscan.GetText(raw, "configDigest"),
	}
	if n, err := strconv.ParseInt(version, 10, 32); err == nil && n > 0 {
		p.number = n
	}
	return p
}

func readRepository(raw []byte, r *reading) {
	status := jsonscan.Get(raw, "status")
	if revision := fluxRevision("GitRepository", status); revision != "" {
		// A repository with another address is another source of the same revision.
		r.outcome = revision + "/" + jsonscan.GetText(raw, "spec", "url") + "/" + jsonscan.GetText(status, "observedGeneration")
	}
	r.settings = settingsOf(raw)
}

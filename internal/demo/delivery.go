package demo

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Delivery is what a source sends at once.
type Delivery struct {
	At     time.Time // when it arrives, by the story's clock
	Source string    // cloudtrail, kubernetes, github or approvals

	Kind, GUID string // GitHub: X-GitHub-Event and X-GitHub-Delivery
	// Name is the path of a CloudTrail file in its bucket, with slashes.
	Name string
	// Body is a CloudTrail file before compression, an EventList, a webhook's
	// payload or a CloudEvent.
	Body   []byte
	Events int
	// Beat is what of the story the events belong to; nil: the normal week.
	Beat *Beat
}

// How the sources hand events on.
const (
	githubDelay     = 2 * time.Second
	approvalsDelay  = time.Second
	auditBatch      = 30 * time.Second // --audit-webhook-batch-max-wait
	cloudTrailEvery = 5 * time.Minute
	cloudTrailDelay = 3 * time.Minute
)

// Deliveries returns the week's deliveries in the order in which they arrive.
// Events of a beat and of the normal week never share one.
func (sc *Scenario) Deliveries() []Delivery {
	var out []Delivery
	bySource := map[string][]happening{}
	for _, h := range sc.happenings {
		bySource[h.source] = append(bySource[h.source], h)
	}
	for _, h := range bySource[SourceApprovals] {
		out = append(out, Delivery{At: h.at.Add(approvalsDelay), Source: h.source, Body: h.body, Events: 1, Beat: h.beat})
	}
	for _, h := range bySource[SourceGitHub] {
		out = append(out, Delivery{
			At: h.at.Add(githubDelay), Source: h.source, Kind: h.kind, GUID: h.guid, Body: h.body, Events: 1, Beat: h.beat,
		})
	}
	out = append(out, auditBatches(bySource[SourceKubernetes])...)
	out = append(out, sc.trailFiles(bySource[SourceCloudTrail])...)
	for i := range out {
		out[i].hold(sc.silences)
	}
	slices.SortStableFunc(out, func(a, b Delivery) int { return a.At.Compare(b.At) })
	return out
}

// auditBatches gathers audit events as the API server's webhook backend does.
func auditBatches(list []happening) []Delivery {
	var out []Delivery
	for len(list) > 0 {
		first, n := list[0], 1
		for n < len(list) && list[n].beat == first.beat && list[n].at.Before(first.at.Add(auditBatch)) {
			n++
		}
		body := wrap("items", list[:n], map[string]any{"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": struct{}{}})
		out = append(out, Delivery{
			At: list[n-1].at.Add(auditBatch), Source: SourceKubernetes, Body: body, Events: n, Beat: first.beat,
		})
		list = list[n:]
	}
	return out
}

// trailFiles gathers records as CloudTrail does: a file for each region every
// few minutes, if there is anything to tell.
func (sc *Scenario) trailFiles(list []happening) []Delivery {
	type file struct {
		ends   time.Time
		region string
		beat   *Beat
	}
	var order []file
	records := map[file][]happening{}
	for _, h := range list {
		f := file{h.at.Truncate(cloudTrailEvery).Add(cloudTrailEvery), h.region, h.beat}
		if records[f] == nil {
			order = append(order, f)
		}
		records[f] = append(records[f], h)
	}
	out := make([]Delivery, len(order))
	for i, f := range order {
		part := ""
		if f.beat != nil {
			part = f.beat.Title
		}
		out[i] = Delivery{
			At: f.ends.Add(cloudTrailDelay), Source: SourceCloudTrail, Name: sc.fileName(f.ends, f.region, part),
			Body: wrap("Records", records[f], map[string]any{}), Events: len(records[f]), Beat: f.beat,
		}
	}
	return out
}

// fileName is the key under which CloudTrail keeps a file in its bucket. part
// tells files of the same time and region apart.
func (sc *Scenario) fileName(at time.Time, region, part string) string {
	account := sc.Company.Account
	unique := newDice("file "+at.String()+region+part).letters(16, upperAlphabet)
	return fmt.Sprintf("AWSLogs/%s/CloudTrail/%s/%s/%s_CloudTrail_%s_%s_%s.json.gz",
		account, region, at.Format("2006/01/02"), account, region, at.Format("20060102T1504Z"), unique)
}

// wrap puts events into a list under a key of an object.
func wrap(key string, list []happening, object map[string]any) []byte {
	raw := make([]json.RawMessage, len(list))
	for i, h := range list {
		raw[i] = h.body
	}
	object[key] = raw
	b, err := json.Marshal(object)
	if err != nil {
		panic(fmt.Sprintf("a delivery of %s: %v", list[0].source, err)) // JSON that we wrote
	}
	return b
}

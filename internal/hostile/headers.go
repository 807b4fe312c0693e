package hostile

import (
	"maps"
	"net/http"
	"slices"
)

// choices are headers that senders of some kind set, right or wrong.
var choices = map[string][]string{
	"Content-Type": {
		"application/json", "application/cloudevents+json", "application/cloudevents-batch+json", "application/x-www-form-urlencoded",
		"text/plain", "multipart/form-data; boundary=x", "application/json; charset=utf-16", ";;;", "",
	},
	"X-GitHub-Event":         {"push", "pull_request_review", "ping", "PUSH", "", "a b"},
	"X-GitHub-Delivery":      {"0b989ba4-242f-11e5-81e1-c7b6966d2516", "", "x"},
	"X-Hub-Signature-256":    {"sha256=00", "sha256=zz", "sha256=", "sha1=00"},
	"X-Hub-Signature":        {"sha256=00", "sha256="},
	"X-Signature":            {"sha256=00", "md5=00", "="},
	"X-PagerDuty-Signature":  {"v1=00", "v1=,v1=", "v2=00"},
	"X-Gitlab-Event":         {"Push Hook", "System Hook", "x"},
	"X-Gitlab-Token":         {"wrong", ""},
	"Idempotency-Key":        {"f5c3c2c1-7d7b-4f7e-8a35-000000000000", "\x7f"},
	"Webhook-Signature":      {"v1,AAAA", "v1,", "v1a,zz"},
	"Webhook-Timestamp":      {"0", "1763283600", "-1", "99999999999999999999"},
	"Webhook-Id":             {"msg_1", ""},
	"Authorization":          {"Bearer wrong", "Bearer ", "Basic !!!!", "Basic dXNlcjpwYXNz", "Splunk wrong", "Bearer"},
	"Ce-Specversion":         {"1.0", "0.3", ""},
	"Ce-Id":                  {"1", "%zz"},
	"Ce-Source":              {"https://ci.example", "%E2%82%AC"},
	"Ce-Type":                {"dev.cdevents.pipelinerun.finished.0.2.0", "dev.sidedoor.heartbeat"},
	"Ce-Time":                {"2026-11-16T09:00:00Z", "yesterday"},
	"X-Amz-Sns-Message-Type": {"Notification", "SubscriptionConfirmation"},
}

// names are in an order of their own, so that a number makes the same always.
var names = slices.Sorted(maps.Keys(choices))

// headers are those of one sender; the first choice is what most send.
func (m *maker) headers() http.Header {
	h := http.Header{}
	binary := m.IntN(8) == 0 // CloudEvents in binary mode
	for _, name := range names {
		if !binary && name[:3] == "Ce-" || m.IntN(6) == 0 {
			continue
		}
		all := choices[name]
		value := all[0]
		if m.IntN(5) == 0 {
			value = all[m.IntN(len(all))]
		}
		h.Set(name, value)
	}
	return h
}

// Plain returns a body as each kind of sender would send it, well-meant.
func Plain(body []byte) (all []Request) {
	for _, media := range choices["Content-Type"][:3] {
		for _, binary := range []bool{false, true} {
			h := http.Header{}
			for _, name := range names {
				if name[:3] != "Ce-" || binary {
					h.Set(name, choices[name][0])
				}
			}
			h.Set("Content-Type", media)
			all = append(all, Request{Body: body, Header: h, Length: int64(len(body))})
		}
	}
	return all
}

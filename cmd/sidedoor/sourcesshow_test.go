package main

import (
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/manifest"
)

func TestHoursThatAreAlikeAreToldTogether(t *testing.T) {
	now := time.Date(2026, 11, 16, 9, 30, 0, 0, time.UTC)
	v := manifest.View{Source: manifest.Source{Name: "trail"}, Configured: true, First: "2026-11-15T09"}
	for h := now.Add(-24 * time.Hour); !h.After(now); h = h.Add(time.Hour) {
		m := event.Manifest{Source: "trail", Hour: event.HourOf(h), Revision: 1, Completeness: event.Behind}
		switch h.Hour() {
		case 12:
			m.Completeness = event.Covered
		case 20:
			m.Completeness = event.Missing
			m.Proofs = []event.Proof{{
				Kind: event.DigestChain, Part: "111122223333/eu-west-1", Verdict: event.Missing, Items: 3,
				From: h, To: h.Add(time.Hour), Faults: []string{"x.json.gz: it is\ngone"},
			}}
		}
		v.Hours = append(v.Hours, m)
	}
	v.Gaps = []event.Gap{{Source: "trail", From: now.Add(-3 * time.Hour), To: now.Add(-time.Hour), Noticed: now.Add(-2 * time.Hour)}}
	var shown []event.Manifest
	for _, m := range v.Hours {
		if remarkable(v, m, now) {
			shown = append(shown, m)
		}
	}
	var b strings.Builder
	(&sourcesShowCmd{Days: 7}).print(&b, v, shown, now)
	for _, want := range []string{
		"hours     1 covered, 22 behind, 1 missing\n",
		"2026-11-15T09  behind           0  in each of 3 hours up to 2026-11-15T11\n",
		"2026-11-15T13  behind           0  in each of 7 hours up to 2026-11-15T19\n",
		"2026-11-15T20  missing          0       0      0     0     1\n" +
			"    missing by the digest-chain of 111122223333/eu-west-1 of 2026-11-15T20:30:00Z to 2026-11-15T21:30:00Z, of 3 compared:\n" +
			"      x.json.gz: it is\ufffdgone\n",
		"GAPS\n  2026-11-16T06:30:00Z to 2026-11-16T08:30:00Z (2h0m0s), noticed 2026-11-16T07:30:00Z: nothing of it was recovered;",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("there is no\n%s\nin\n%s", want, b.String())
		}
	}
	if got := row(v, now, 25); got != "???+???????!????????????~" {
		t.Errorf("drawn as %s", got)
	}
	if g := glanceOf(v, now); g.Worst != event.Missing || g.Gaps != 1 || g.OpenGaps != 1 || g.Hours[event.Behind] != 22 {
		t.Errorf("%+v", g)
	}
	if err := (&sourcesListCmd{FailOn: "missing"}).fail([]glance{glanceOf(v, now)}); err == nil || !strings.Contains(err.Error(), "1 hours are") {
		t.Error(err)
	}
}

func TestAnOutageIsToldOnceAndOfWhichSourcesItConcerns(t *testing.T) {
	now := time.Date(2026, 11, 16, 9, 30, 0, 0, time.UTC)
	down := event.Outage{From: now.Add(-6 * time.Hour), To: now.Add(-2 * time.Hour)}
	view := func(name string, is event.Completeness, outages ...event.Outage) manifest.View {
		v := manifest.View{Source: manifest.Source{Name: name}, Configured: true, First: "2026-11-15T09"}
		for h := range 5 {
			at := down.From.Add(time.Duration(h) * time.Hour)
			v.Hours = append(v.Hours, event.Manifest{Source: name, Hour: event.HourOf(at), Revision: 1, Completeness: is, Outages: outages})
		}
		return v
	}
	hook := view("hook", event.Behind, down)
	var all []glance
	for _, v := range []manifest.View{hook, view("audit", event.Behind, down), view("proved", event.Complete, down), view("trail", event.Covered)} {
		all = append(all, glanceOf(v, now))
	}
	var b strings.Builder
	if err := printGlances(&b, all); err != nil {
		t.Fatal(err)
	}
	want := "\n\nNo monitor ran from 2026-11-16T03:30:00Z to 2026-11-16T07:30:00Z (4h0m0s); what was sent to hook, audit then may be lost, if its sender gave up.\n"
	if !strings.HasSuffix(b.String(), want) {
		t.Errorf("there is no\n%s\nin\n%s", want, b.String())
	}
	for _, c := range []struct {
		v    manifest.View
		want string
	}{
		{hook, "in each of 5 hours up to 2026-11-16T07\n    no monitor ran from 2026-11-16T03:30:00Z to 2026-11-16T07:30:00Z (4h0m0s): what was sent then may be lost\n"},
		{view("proved", event.Complete, down), ": the source's own proof covers that\n"},
	} {
		b.Reset()
		(&sourcesShowCmd{Days: 7}).print(&b, c.v, c.v.Hours, now)
		if strings.Count(b.String(), c.want) != 1 {
			t.Errorf("there is no\n%s\nin\n%s", c.want, b.String())
		}
	}
}

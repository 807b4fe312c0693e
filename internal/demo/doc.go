// Package demo plays one working week of a small company through the real
// doors of a running Sidedoor: webhooks over HTTP, CloudTrail files in a
// folder.
//
// The story is data: testdata/week says who works there, what is in scope and,
// beat by beat, what happens that somebody will have to answer for. Around the
// beats the package invents the company's normal week: releases, reads,
// grants, and the chatter of the machines. All of it comes from seeded dice, so
// that every playing of the week is the same, byte for byte.
//
// Reading order: [Load] reads the story into a [Scenario]; a scribe writes
// events in the shapes of their sources (cloudtrail.go, kubernetes.go,
// github.go, approvals.go); the routines (releases.go, people.go, machines.go)
// and the beats (form.go) tell the scribe what to write; [Scenario.Deliveries]
// puts the events into the deliveries in which they arrive; [Scenario.Play]
// sends them, and a [Receiver] hears who was told.
//
// All times are UTC and of the story, not of the clock on the wall.
package demo

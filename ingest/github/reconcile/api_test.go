package reconcile_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"

	"sidedoor/ingest/github/githubtest"
)

func TestWhatGoesWrongWithTheAPIIsTriedAgainWhenGitHubSays(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault http.HandlerFunc
		after time.Duration // 0: as the back-off has it
		says  string
	}{
		{"the limit per hour", githubtest.HourlyLimit(start.Add(20 * time.Minute)), 20*time.Minute + time.Second, "API rate limit exceeded"},
		{"a secondary limit", githubtest.SecondaryLimit(http.StatusForbidden, "90"), 90 * time.Second, "secondary rate limit"},
		{"a secondary limit with a date", githubtest.SecondaryLimit(http.StatusTooManyRequests, start.Add(2*time.Minute).Format(http.TimeFormat)), 2 * time.Minute, "secondary rate limit"},
		{"a secondary limit that says no time", githubtest.SecondaryLimit(http.StatusForbidden, ""), time.Minute, "secondary rate limit"},
		{"too many requests without a word", githubtest.Status(http.StatusTooManyRequests, ""), time.Minute, "429"},
		{"for ever", githubtest.SecondaryLimit(http.StatusTooManyRequests, "99999999"), 2 * time.Hour, "429"},
		{"a server that fails", githubtest.Status(http.StatusBadGateway, "Server Error"), 0, "status 502"},
		{"a token without rights", githubtest.Status(http.StatusNotFound, "Not Found"), 0, "docs/sources.md names the scopes"},
		{"a wrong token", githubtest.Status(http.StatusUnauthorized, "Bad credentials"), 0, "not expired?"},
		{"a connection that breaks off", githubtest.HangUp, 0, "breaks off"},
		{"no JSON", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, 0, "list of deliveries"},
		{"a list with a hole", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`[{"id":1}]`)) }, 0, "number 0 has no GUID"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newRig(t)
			x.github.Emit("push", body(1), githubtest.Lost)
			x.advance(2 * time.Minute)
			x.clock.t = start.Add(0) // the limits are told by the clock
			x.github.Fail(c.fault)
			err := x.pass()
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), githubtest.Token) {
				t.Fatalf("got %v", err)
			}
			asked, ok := errors.AsType[*backoff.RetryAfterError](err)
			if ok != (c.after != 0) || (ok && asked.Duration != c.after) {
				t.Errorf("to be tried again after %v", asked)
			}
			x.advance(2 * time.Minute)
			if err := x.pass(); err != nil {
				t.Errorf("the next time: %v", err)
			}
			if guids, _, _ := x.arrived(start); len(guids) != 1 {
				t.Errorf("on the stream: %v", guids)
			}
		})
	}
}

func TestAnAPIThatHangsIsLeftWithTheContext(t *testing.T) {
	x := newRig(t)
	x.github.Fail(githubtest.Hang)
	if _, err := x.r.Pass(timeless(t)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

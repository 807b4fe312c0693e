package alerting

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sidedoor/event"
)

func TestTheFirstMessageWaitsForItsBurstAndCarriesIt(t *testing.T) {
	p := newPlay(t)
	for n := 1; n <= 7; n++ {
		p.revise("a1", event.Bypass, n)
		p.step()
	}
	p.wantMessages("")
	p.wait(time.Minute)
	p.wantMessages("a1.7 bypass 7")
	p.wantOutcomes("a1.7#1 delivered")
	if len(p.feed) != 0 {
		t.Errorf("%d records are not acknowledged", len(p.feed))
	}
}

func TestMoreOfTheSameIsToldOncePerDoubling(t *testing.T) {
	p := newPlay(t)
	for n := 1; n <= 20; n++ {
		p.revise("a1", event.Bypass, n)
		p.wait(time.Minute)
	}
	p.wantMessages("a1.1 bypass 1, a1.2 bypass 2, a1.4 bypass 4, a1.8 bypass 8, a1.16 bypass 16")
}

func TestAnotherStateIsAlwaysTold(t *testing.T) {
	p := newPlay(t)
	for _, r := range []struct {
		state event.State
		n     int
	}{{event.Undetermined, 5}, {event.Bypass, 5}, {event.Bypass, 6}, {event.ApprovedLate, 6}, {event.Bypass, 7}, {event.Approved, 7}} {
		p.revise("a1", r.state, r.n)
		p.wait(time.Minute)
	}
	p.wantMessages("a1.1 undetermined 5, a1.2 bypass 5, a1.4 approved-late 6, a1.5 bypass 7, a1.6 approved 7")
	if got, want := p.sent[1].Changed(), "Was undetermined, is now bypass. 5 occurrences, when last told 5."; got != want {
		t.Errorf("the amendment says %q, want %q", got, want)
	}
}

func TestARevisionThatIsSupersededIsNotSentByItself(t *testing.T) {
	p := newPlay(t)
	p.revise("a1", event.Bypass, 1)
	p.revise("a1", event.ApprovedLate, 1)
	p.wait(time.Minute)
	p.wantMessages("a1.2 approved-late 1")
}

func TestABurstThatIsAmendedAtOnceIsOneAmendment(t *testing.T) {
	p := newPlay(t)
	p.revise("a1", event.Undetermined, 100)
	p.wait(time.Minute)
	for range 100 { // the source has caught up: each act is judged anew
		p.revise("a1", event.Bypass, 100)
	}
	p.wait(time.Minute)
	p.wantMessages("a1.1 undetermined 100, a1.101 bypass 100")
}

func TestAlertsBelowTheReceiversLevelAreNotSent(t *testing.T) {
	p := newPlay(t, func(r *Receiver) { r.MinLevel = event.Medium })
	for i, l := range []event.Level{event.Informational, event.Low, event.Medium, event.Critical, ""} {
		p.revise(fmt.Sprint("a", i), event.Bypass, 1, func(a *event.Alert) { a.Rule.Level = l })
	}
	p.wait(time.Minute)
	p.wantMessages("a2.1 bypass 1, a3.1 bypass 1, a4.1 bypass 1") // no level at all cannot be compared
}

func TestAReceiverThatIsDownIsTriedAgainUntilItTakesTheAlert(t *testing.T) {
	p := newPlay(t)
	left := 3
	p.answer = func(Message) (Result, error) {
		if left--; left >= 0 {
			return Result{Status: 503}, errDown
		}
		return Result{}, nil
	}
	p.revise("a1", event.Bypass, 1)
	p.wait(time.Hour)
	p.wantMessages("a1.1 bypass 1")
	p.wantOutcomes("a1.1#1 failed, a1.1#2 failed, a1.1#3 failed, a1.1#4 delivered")
	if d := p.order[0]; d.Status != 503 || d.Error != errDown.Error() || d.Receiver != "oncall" || d.Channel != "play" {
		t.Errorf("the first attempt is recorded as %+v", d)
	}
}

func TestAReceiverThatIsDownIsAskedByOneAlertAndNotByAll(t *testing.T) {
	p := newPlay(t)
	attempts := 0
	p.answer = func(Message) (Result, error) { attempts++; return Result{}, errDown }
	for i := range 500 {
		p.revise(fmt.Sprint("a", i), event.Bypass, 1)
	}
	p.wait(10 * time.Minute)
	if attempts > 20 { // doubling from 2s to 5m, half or half as much again
		t.Errorf("%d attempts in ten minutes", attempts)
	}
	p.answer = nil
	p.wait(10 * time.Minute)
	if len(p.sent) != 500 || len(p.feed) != 0 {
		t.Errorf("%d alerts of 500 were sent and %d are not acknowledged", len(p.sent), len(p.feed))
	}
}

func TestAnAlertThatTheReceiverCannotTakeHoldsNoOtherUp(t *testing.T) {
	p := newPlay(t)
	p.answer = func(m Message) (Result, error) {
		if m.Alert.ID == "poison" {
			return Result{Status: 500}, errDown
		}
		return Result{}, nil
	}
	p.revise("poison", event.Bypass, 1)
	for i := range 20 {
		p.revise(fmt.Sprint("a", i), event.Bypass, 1)
		p.wait(time.Minute)
	}
	if len(p.sent) != 20 {
		t.Errorf("%d alerts of 20 were sent", len(p.sent))
	}
}

func TestAReceiverThatIsUpAgainIsNotPunishedForItsPast(t *testing.T) {
	p := newPlay(t)
	failing := true
	p.answer = func(Message) (Result, error) {
		if failing {
			return Result{}, errDown
		}
		return Result{}, nil
	}
	p.revise("a1", event.Bypass, 1)
	p.wait(2 * time.Hour)
	failing = false
	p.wait(time.Hour)
	p.revise("a2", event.Bypass, 1)
	failing = true
	p.wait(2 * time.Second)
	failing = false
	p.wait(5 * time.Second) // the pause is 1 to 3 seconds again, and not a minute
	p.wantMessages("a1.1 bypass 1, a2.1 bypass 1")
}

func TestItGivesUpAfterADay(t *testing.T) {
	p := newPlay(t)
	p.answer = func(Message) (Result, error) { return Result{Status: 500}, errDown }
	p.revise("a1", event.Bypass, 1)
	p.revise("a2", event.Bypass, 1)
	p.wait(23 * time.Hour)
	if n := len(p.feed); n != 2 {
		t.Fatalf("after 23 hours, %d alerts are still tried", n)
	}
	p.wait(2 * time.Hour)
	if n := len(p.feed); n != 0 {
		t.Fatalf("after 25 hours, %d alerts are still tried", n)
	}
	last := map[string]event.Delivery{}
	for _, d := range p.order {
		last[d.Alert] = d
	}
	for _, id := range []string{"a1", "a2"} {
		if d := last[id]; d.Outcome != event.Rejected || !strings.HasPrefix(d.Error, "gave up after 24h") {
			t.Errorf("alert %s ends with %+v", id, d)
		}
	}
}

func TestAnAlertThatWillNeverBeTakenIsNotTriedAgain(t *testing.T) {
	p := newPlay(t)
	p.answer = func(Message) (Result, error) {
		return Result{Status: 404}, fmt.Errorf("%w: answered 404", ErrRejected)
	}
	p.revise("a1", event.Bypass, 1)
	p.wait(time.Hour)
	p.wantOutcomes("a1.1#1 rejected")
	p.answer = nil
	p.revise("a1", event.ApprovedLate, 1)
	p.wait(time.Hour)
	p.wantOutcomes("a1.1#1 rejected, a1.2#1 delivered")
}

func TestAReceiverThatAsksForAPauseGetsIt(t *testing.T) {
	p := newPlay(t)
	first := true
	p.answer = func(Message) (Result, error) {
		if first {
			first = false
			return Result{Status: 429}, Throttled(errors.New("answered 429"), 20*time.Minute)
		}
		return Result{}, nil
	}
	p.revise("a1", event.Bypass, 1)
	p.wait(2 * time.Second)
	p.revise("a2", event.Bypass, 1)
	p.wait(19 * time.Minute)
	p.wantMessages("")
	p.wait(2 * time.Minute)
	if len(p.sent) != 2 {
		t.Errorf("after the pause %q was sent", p.messages())
	}
}

func TestAnAttemptThatCouldNotBeRecordedIsRecordedLaterAndNotMadeAgain(t *testing.T) {
	p := newPlay(t)
	p.storing = errDisk
	p.revise("a1", event.Bypass, 1)
	p.wait(time.Minute)
	if len(p.feed) != 1 {
		t.Fatal("it was acknowledged before it was recorded")
	}
	p.storing = nil
	p.wait(time.Minute)
	p.wantMessages("a1.1 bypass 1")
	p.wantOutcomes("a1.1#1 delivered")
}

func TestAfterACrashTheAttemptIsAnotherOneOfTheSameMessage(t *testing.T) {
	p := newPlay(t)
	p.revise("a1", event.Bypass, 1)
	lost := *p.feed[0]
	p.wait(time.Minute)
	// The acknowledgement was lost: it comes again to another process, with
	// its number or without.
	for _, came := range []int{1, 5} {
		again := lost
		again.came = came - 1
		p.feed = append(p.feed, &again)
		p.restart()
		p.wait(time.Minute)
	}
	p.wantMessages("a1.1 bypass 1, a1.1 bypass 1, a1.1 bypass 1")
	p.wantOutcomes("a1.1#1 delivered, a1.1#2 delivered, a1.1#5 delivered")
}

func TestAfterARestartAReceiverIsToldAgainRatherThanNotAtAll(t *testing.T) {
	p := newPlay(t)
	p.revise("a1", event.ApprovedLate, 2)
	p.wait(time.Minute)
	p.restart()
	p.revise("a1", event.Bypass, 3) // neither a doubling nor known to be another state
	p.wait(time.Minute)
	p.wantMessages("a1.1 approved-late 2, a1.2 bypass 3")
}

func TestARecordThatIsNoAlertIsPassedOver(t *testing.T) {
	p := newPlay(t)
	raw, err := event.DeliveryRecord(event.Delivery{Alert: "a1"}, start).Encode()
	if err != nil {
		t.Fatal(err)
	}
	p.feed = []*delivery{{raw: raw}, {raw: []byte("{")}, {raw: nil}}
	p.step()
	if len(p.feed) != 0 || len(p.sent) != 0 {
		t.Errorf("%d are left, %d were sent", len(p.feed), len(p.sent))
	}
}

func TestAnAttemptThatHasBegunIsRecordedEvenWhileStopping(t *testing.T) {
	p := newPlay(t)
	p.revise("a1", event.Bypass, 1)
	p.clock = p.clock.Add(time.Minute)
	ctx, stop := context.WithCancel(t.Context())
	p.answer = func(Message) (Result, error) { stop(); return Result{}, nil }
	if retry, err := p.courier.handle(ctx, p.feed[0].raw, 1); retry != 0 || err != nil {
		t.Errorf("retry %v, %v", retry, err)
	}
	p.wantOutcomes("a1.1#1 delivered")
}

func TestWhatAReceiverAnswersIsCut(t *testing.T) {
	p := newPlay(t)
	p.answer = func(Message) (Result, error) {
		return Result{RemoteID: strings.Repeat("é", 1000)}, fmt.Errorf("%w%s", ErrRejected, strings.Repeat("é", 40000))
	}
	p.revise("a1", event.Bypass, 1)
	p.wait(time.Minute)
	if d := p.order[0]; len(d.Error) > 512 || len(d.RemoteID) > 128 || d.Error == "" {
		t.Errorf("%d bytes of error and %d of ID are recorded", len(d.Error), len(d.RemoteID))
	}
}

func TestWhatIsKnownIsBounded(t *testing.T) {
	s := newKnown(2)
	s.of("a").attempts = 1
	s.of("b").attempts = 2
	s.of("a")
	s.of("c")
	if s.of("a").attempts != 1 || s.recent.Len() != 2 || len(s.byAlert) != 2 {
		t.Error("the one used last was forgotten")
	}
	if s.of("b").attempts != 0 {
		t.Error("the one used first was not forgotten")
	}
}

// Whatever happens, in the end the receiver knows the last state of every
// alert, every message is on record, everything is acknowledged, and there are
// no more messages than there was news.
func TestInTheEndTheReceiverKnowsWhatThereIs(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := newPlay(t)
		news, count := map[string]int{}, map[string]int{}
		state := map[string]event.State{}
		restarts := 0
		failing, storing := false, false
		p.answer = func(Message) (Result, error) {
			if failing {
				return Result{}, errDown
			}
			return Result{}, nil
		}
		rt.Repeat(map[string]func(*rapid.T){
			"revise": func(rt *rapid.T) {
				id := rapid.SampledFrom([]string{"a1", "a2"}).Draw(rt, "alert")
				next := rapid.SampledFrom([]event.State{event.Bypass, event.Undetermined, event.ApprovedLate}).Draw(rt, "state")
				if next != state[id] || count[id]&(count[id]+1) == 0 {
					news[id]++
				}
				state[id] = next
				count[id]++
				p.revise(id, next, count[id])
			},
			"wait":    func(rt *rapid.T) { p.wait(time.Duration(rapid.IntRange(0, 300).Draw(rt, "seconds")) * time.Second) },
			"break":   func(*rapid.T) { failing = !failing },
			"disk":    func(*rapid.T) { storing = !storing; p.storing = map[bool]error{true: errDisk}[storing] },
			"restart": func(*rapid.T) { restarts++; p.restart() },
		})
		failing, p.storing = false, nil
		p.wait(time.Hour)
		if len(p.feed) != 0 {
			rt.Fatalf("%d records are not acknowledged", len(p.feed))
		}
		last, sent := map[string]event.State{}, map[string]int{}
		for _, m := range p.sent {
			last[m.Alert.ID] = m.Alert.State
			sent[m.Alert.ID]++
		}
		for id, want := range state {
			if last[id] != want {
				rt.Fatalf("the receiver thinks that alert %s is %q, and it is %q", id, last[id], want)
			}
			if sent[id] > news[id]+2*restarts {
				rt.Fatalf("%d messages about alert %s, with %d news and %d restarts", sent[id], id, news[id], restarts)
			}
		}
		checkOnRecord(rt, p, restarts)
	})
}

func checkOnRecord(t *rapid.T, p *play, restarts int) {
	delivered := map[string]int{}
	for _, d := range p.order {
		if d.Outcome == event.Delivered {
			delivered[fmt.Sprintf("%s.%d", d.Alert, d.Revision)]++
		}
	}
	for _, m := range p.sent {
		// A process that ends while it owes a record takes it along.
		if restarts == 0 && delivered[m.ID()] == 0 {
			t.Fatalf("message %s is not on record: %s", m.ID(), p.outcomes())
		}
	}
}

package judge_test

import "testing"

func TestAnApprovalTakesLessThan400BytesOfLiveHeap(t *testing.T) {
	if underRace {
		t.Skip("the race detector is on")
	}
	e := estate{100_000}
	j, heap := e.judge()
	if got := j.Stats().Approvals; got != e.held {
		t.Fatalf("%d are held, want %d", got, e.held)
	}
	if each := heap / float64(e.held); each > 400 {
		t.Errorf("%.0f bytes each", each)
	} else {
		t.Logf("%.0f bytes each", each)
	}
}

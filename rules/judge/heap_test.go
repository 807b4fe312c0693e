package judge_test

import "testing"

func TestAnApprovalTakesLessThan400BytesOfLiveHeap(t *testing.T) {
	if underRace {
		t.Skip("SKIPPED: the race detector takes memory of its own, so the live heap says nothing; go test without -race runs this")
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

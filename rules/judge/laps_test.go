package judge_test

import (
	"slices"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/rules/judge"
)

// crowd is from how many approvals on an act is one of those with many near it.
const crowd = 8

// laps are how long acts took, and how many were approved. How long others had
// the processor is part of wall, and not of processor time.
type laps struct {
	wall, cpu   []time.Duration
	few, crowds []time.Duration // of cpu: acts near a few approvals, and near a crowd
	approved    int
}

func (t *laps) act(j *judge.Judge, m *event.Match) {
	begun, had := time.Now(), cpuTime()
	_, timers := j.Apply(event.Input{Time: nine, Match: m})
	records, _ := j.Apply(event.Input{Time: timers[0].Due, Timer: &timers[0]})
	cpu, wall := cpuTime()-had, time.Since(begun)
	t.wall, t.cpu = append(t.wall, wall), append(t.cpu, cpu)
	v, ok := records[0].Body.(*event.Verdict)
	if !ok {
		return
	}
	if v.Verdict == event.Approved {
		t.approved++
	}
	if len(v.Considered)+v.Omitted < crowd {
		t.few = append(t.few, cpu)
	} else {
		t.crowds = append(t.crowds, cpu)
	}
}

func (t *laps) report(b *testing.B) {
	for _, part := range []struct {
		name string
		took []time.Duration
	}{{"wall", t.wall}, {"cpu", t.cpu}, {"cpu-few", t.few}, {"cpu-crowd", t.crowds}} {
		slices.Sort(part.took)
		if len(part.took) == 0 || part.took[len(part.took)-1] == 0 {
			continue // where processor time is not known
		}
		b.ReportMetric(float64(part.took[len(part.took)/2])/1000, "p50-"+part.name+"-µs")
		b.ReportMetric(float64(part.took[len(part.took)*99/100])/1000, "p99-"+part.name+"-µs")
	}
	b.ReportMetric(float64(len(t.crowds))/float64(len(t.cpu)), "crowded")
	b.ReportMetric(float64(t.approved)/float64(len(t.cpu)), "approved")
}

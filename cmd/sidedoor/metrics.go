package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sidedoor/event"
	"sidedoor/rules/judge"
	"sidedoor/stream"
)

// watchedJudge shows the judge's state as metrics. Only the goroutine that
// folds touches the judge.
type watchedJudge struct {
	*judge.Judge
	acts     *prometheus.GaugeVec
	letGo    prometheus.Gauge
	late     prometheus.Gauge
	coverage *prometheus.GaugeVec
	verdicts *prometheus.CounterVec
}

func newWatchedJudge(j *judge.Judge, reg prometheus.Registerer) *watchedJudge {
	w := &watchedJudge{
		Judge: j,
		acts: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sidedoor_judge_held", Help: "What the judge holds: pending acts, acts open to a late approval, approvals, contributions to correlations.",
		}, []string{"what"}),
		letGo: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sidedoor_judge_let_go", Help: "Acts, approvals and contributions to correlations that the judge had to let go because it held too many.",
		}),
		late: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sidedoor_judge_late", Help: "Contributions to correlations that arrived after their window had been judged.",
		}),
		coverage: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sidedoor_source_complete_through_seconds", Help: "Unix time up to which a source is known to be complete.",
		}, []string{"source"}),
		verdicts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sidedoor_verdicts_total", Help: "Revisions of verdicts made since the process started, replays included.",
		}, []string{"control", "verdict"}),
	}
	reg.MustRegister(w.acts, w.letGo, w.late, w.coverage, w.verdicts)
	return w
}

// Apply folds and then shows.
func (w *watchedJudge) Apply(in event.Input) ([]event.Record, []event.Timer) {
	records, timers := w.Judge.Apply(in)
	for _, r := range records {
		if v, ok := r.Body.(*event.Verdict); ok {
			w.verdicts.WithLabelValues(v.Control, string(v.Verdict)).Inc()
		}
	}
	s := w.Stats()
	w.acts.WithLabelValues("pending").Set(float64(s.Pending))
	w.acts.WithLabelValues("open").Set(float64(s.Open))
	w.acts.WithLabelValues("approvals").Set(float64(s.Approvals))
	w.acts.WithLabelValues("contributions").Set(float64(s.Contributions))
	w.letGo.Set(float64(s.LetGo))
	w.late.Set(float64(s.Late))
	if in.Mark != nil {
		w.coverage.WithLabelValues(in.Mark.Source).Set(float64(s.Sources[in.Mark.Source].Unix()))
	}
	return records, timers
}

// positions shows how far each stage is behind its stream.
type positions struct {
	stream  *stream.Stream
	last    *prometheus.Desc
	pending *prometheus.Desc
}

func newPositions(s *stream.Stream) *positions {
	return &positions{
		stream:  s,
		last:    prometheus.NewDesc("sidedoor_stream_last_sequence", "Last sequence stored on a stream.", []string{"stream"}, nil),
		pending: prometheus.NewDesc("sidedoor_stage_pending", "Messages that a stage has not finished.", []string{"stage"}, nil),
	}
}

// Describe implements [prometheus.Collector].
func (p *positions) Describe(ch chan<- *prometheus.Desc) {
	ch <- p.last
	ch <- p.pending
}

// Collect implements [prometheus.Collector]. A stream that does not answer
// yields no figures; /readyz says so.
func (p *positions) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	all, err := p.stream.Positions(ctx)
	if err != nil {
		return
	}
	for _, pos := range all {
		ch <- prometheus.MustNewConstMetric(p.last, prometheus.GaugeValue, float64(pos.Last), pos.Stream)
		for _, r := range pos.Readers {
			ch <- prometheus.MustNewConstMetric(p.pending, prometheus.GaugeValue, float64(r.Pending), r.Name)
		}
	}
}

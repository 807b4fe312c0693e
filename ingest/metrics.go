package ingest

import (
	"github.com/prometheus/client_golang/prometheus"

	"sidedoor/event"
)

// Metrics counts what arrives.
type Metrics struct {
	events, bytes *prometheus.CounterVec // by source
	deadLetters   *prometheus.CounterVec // by source and cause
	skipped       *prometheus.CounterVec // by source and why
	away          *prometheus.CounterVec // by source and why
}

// NewMetrics registers the counters.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sidedoor_ingest_events_total", Help: "Events that are stored, repeated deliveries included.",
		}, []string{"source"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sidedoor_ingest_bytes_total", Help: "Bytes of these events.",
		}, []string{"source"}),
		deadLetters: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sidedoor_ingest_dead_letters_total", Help: "Deliveries and events that could not be taken, by cause.",
		}, []string{"source", "cause"}),
		skipped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sidedoor_ingest_skipped_files_total", Help: "Files that hold no events for this version, by what they are.",
		}, []string{"source", "what"}),
		away: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sidedoor_ingest_turned_away_total", Help: "Deliveries whose sender was asked to come again later: no memory (busy), too slow, no room on the stream (full), not stored, or one of too many that are not authentic.",
		}, []string{"source", "why"}),
	}
	reg.MustRegister(m.events, m.bytes, m.deadLetters, m.skipped, m.away)
	return m
}

// Skipped counts a file that is passed over on purpose.
func (m *Metrics) Skipped(source, what string) { m.skipped.WithLabelValues(source, what).Inc() }

func (m *Metrics) stored(b event.Batch) {
	n := 0
	for _, e := range b.Events {
		n += len(e.Raw)
	}
	m.events.WithLabelValues(b.Source).Add(float64(len(b.Events)))
	m.bytes.WithLabelValues(b.Source).Add(float64(n))
}

// turnedAway counts a delivery that is to come again.
func (m *Metrics) turnedAway(source, why string) { m.away.WithLabelValues(source, why).Inc() }

func (m *Metrics) dead(d event.Dead) { m.deadLetters.WithLabelValues(d.Source, d.Cause).Inc() }

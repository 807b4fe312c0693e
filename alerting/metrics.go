package alerting

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sidedoor/event"
)

// Metrics counts deliveries. A nil *Metrics counts nothing.
type Metrics struct {
	deliveries *prometheus.CounterVec
	withheld   *prometheus.CounterVec
	latency    *prometheus.HistogramVec
	down       *prometheus.GaugeVec
}

// NewMetrics registers the metrics; it panics if they are registered already.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sidedoor_deliveries_total", Help: "Recorded attempts to deliver an alert, by how they ended.",
		}, []string{"receiver", "outcome"}),
		withheld: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sidedoor_alerts_withheld_total", Help: "Revisions of alerts that were not sent by themselves, by why.",
		}, []string{"receiver", "why"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sidedoor_delivery_seconds", Help: "How long attempts to deliver took.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 12),
		}, []string{"receiver"}),
		down: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sidedoor_receiver_down", Help: "1 while the last attempt at a receiver has failed.",
		}, []string{"receiver"}),
	}
	reg.MustRegister(m.deliveries, m.withheld, m.latency, m.down)
	return m
}

// attempted counts an attempt and shows how often the receiver has failed in
// a row.
func (m *Metrics) attempted(d event.Delivery, failures int) {
	if m == nil {
		return
	}
	m.latency.WithLabelValues(d.Receiver).Observe(d.Latency.Seconds())
	m.down.WithLabelValues(d.Receiver).Set(float64(min(failures, 1)))
}

// recorded counts a delivery that is on record.
func (m *Metrics) recorded(d event.Delivery) {
	if m == nil {
		return
	}
	m.deliveries.WithLabelValues(d.Receiver, string(d.Outcome)).Inc()
}

// The reasons for which a revision is not sent.
const (
	whyLevel      = "below-level"
	whyTold       = "told"          // with an earlier message
	whyNothingNew = "nothing-new"   // not enough more of the same
	whyUnreadable = "unreadable"    // not an alert's record
	whyHeld       = "held"          // for a while, to carry its burst
	whyDown       = "receiver-down" // for a while
)

func (m *Metrics) withhold(receiver, why string) {
	if m == nil {
		return
	}
	m.withheld.WithLabelValues(receiver, why).Inc()
}

// since is how long something took: not negative, should a clock be set back.
func since(start, end time.Time) time.Duration { return max(0, end.Sub(start)) }

package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"sidedoor/ingest"
	"sidedoor/stream"
)

// pressure shows how much room there is for what arrives.
type pressure struct {
	stream *stream.Stream
	gate   *ingest.Gate

	memory, most, disk, full, refused *prometheus.Desc
}

func newPressure(s *stream.Stream, g *ingest.Gate) *pressure {
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	return &pressure{
		stream: s, gate: g,
		memory:  desc("sidedoor_ingest_memory_bytes", "Memory that deliveries take while they are received."),
		most:    desc("sidedoor_ingest_memory_most_bytes", "The most memory that deliveries took since the process started."),
		disk:    desc("sidedoor_data_free_bytes", "What is free on the disk of the data folder."),
		full:    desc("sidedoor_stream_full", "1 while no events are taken because there is no room for them, else 0."),
		refused: desc("sidedoor_stream_refused_total", "Batches and dead letters that were refused because there was no room; their senders were asked to come again."),
	}
}

// Describe implements [prometheus.Collector].
func (p *pressure) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{p.memory, p.most, p.disk, p.full, p.refused} {
		ch <- d
	}
}

// Collect implements [prometheus.Collector].
func (p *pressure) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64) { ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	now, most := p.gate.Used()
	gauge(p.memory, float64(now))
	gauge(p.most, float64(most))
	space := p.stream.Space()
	if space.Known {
		gauge(p.disk, float64(space.Free))
	}
	full := 0.0
	if space.Full != "" {
		full = 1
	}
	gauge(p.full, full)
	ch <- prometheus.MustNewConstMetric(p.refused, prometheus.CounterValue, float64(space.Refused))
}

package main

import (
	"errors"
	"fmt"
	"time"

	"sidedoor/alerting"
	"sidedoor/alerting/slack"
	"sidedoor/alerting/webhook"
	"sidedoor/event"
)

// receiverConfig is somebody to tell, by exactly one channel.
type receiverConfig struct {
	Name     string      `yaml:"name"`
	MinLevel event.Level `yaml:"min-level"`

	Slack   *slack.Config   `yaml:"slack"`
	Webhook *webhook.Config `yaml:"webhook"`
}

func (r *receiverConfig) validate() error {
	if r.MinLevel != "" && r.MinLevel.Rank() == 0 {
		return fmt.Errorf("min-level: %q is no level", r.MinLevel)
	}
	switch {
	case (r.Slack == nil) == (r.Webhook == nil):
		return errors.New("it has to have exactly one of slack, webhook")
	case r.Slack != nil:
		return r.Slack.Validate()
	}
	return r.Webhook.Validate()
}

func (r *receiverConfig) resolve(path func(string) string) {
	if r.Slack != nil {
		r.Slack.URLFile = path(r.Slack.URLFile)
	}
	if r.Webhook != nil {
		r.Webhook.SecretFile = path(r.Webhook.SecretFile)
	}
}

func (r *receiverConfig) channel() (alerting.Channel, error) {
	if r.Slack != nil {
		return slack.New(*r.Slack, time.Now)
	}
	return webhook.New(*r.Webhook, time.Now)
}

// dispatcher makes the stage that tells people.
func (p *pipeline) dispatcher(metrics *alerting.Metrics) (*alerting.Dispatcher, error) {
	var receivers []alerting.Receiver
	for i := range p.cfg.Receivers {
		cfg := &p.cfg.Receivers[i]
		channel, err := cfg.channel()
		if err != nil {
			return nil, fmt.Errorf("receiver %s: %w", cfg.Name, err)
		}
		receivers = append(receivers, alerting.Receiver{Name: cfg.Name, Channel: channel, MinLevel: cfg.MinLevel})
	}
	if len(receivers) == 0 {
		p.log.Warn("there is no receiver, so nobody is told of alerts")
	}
	return alerting.New(p.cfg.Alerting, p.stream, receivers, time.Now, p.log, metrics)
}

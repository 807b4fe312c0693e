// Package alerting turns alert records into messages to people.
//
// Each receiver (a Slack channel, a webhook) has a loop of its own, fed with
// the records of alerts in order. A record is a reason to look, not the thing
// to send: the loop looks up the alert's latest revision and sends that, if it
// says something that the receiver has not been told. So a burst, or an outage
// of the receiver, ends in one message that is up to date.
//
// The order is: send, record the attempt, acknowledge. Every attempt is a
// record, whatever came of it; an attempt that has begun is finished and
// recorded even while the process stops. Delivery is at least once: a crash
// between sending and acknowledging sends again, under the same message ID.
//
// A receiver's URL and its keys are secrets: no error, record or log line
// holds them.
package alerting

// Package slack tells a Slack channel about alerts, through an incoming
// webhook.
//
// The webhook's URL is a secret: it is read from a file, and no error holds it.
// Whatever comes from an event is shown as text: its control characters are
// taken out, and Slack neither formats it nor turns it into links and mentions.
//
// Format and bounds: Slack API, "Block Kit: blocks" and "Formatting text for
// app surfaces"; answers: "Handling errors" of "Sending messages using incoming
// webhooks".
package slack

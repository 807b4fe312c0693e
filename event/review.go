package event

import "time"

// Disposition is what a reviewer decides an alert to be.
type Disposition string

// The dispositions.
const (
	Authorised         Disposition = "authorised"          // was approved; the reference says where
	Emergency          Disposition = "emergency"           // break-glass, approved since
	PolicyViolation    Disposition = "policy-violation"    // it was a bypass
	FalsePositive      Disposition = "false-positive"      // the rule or its data is wrong
	NeedsInvestigation Disposition = "needs-investigation" // not decided yet: blocks the sign-off
)

// Review is one entry in the review of an alert; the last one holds.
type Review struct {
	Alert       string      `json:"alert"`
	Entry       int         `json:"entry"`    // from 1
	Revision    int         `json:"revision"` // of the alert, as the reviewer saw it
	Reviewer    string      `json:"reviewer"` // person of the estate
	Disposition Disposition `json:"disposition"`
	Comment     string      `json:"comment"`
	Reference   string      `json:"reference,omitempty"` // ticket, incident, approval
	Via         string      `json:"via"`                 // cli
	Login       string      `json:"login,omitempty"`     // operating system account behind it
}

// SignOff closes the review of one control for one ISO week.
type SignOff struct {
	Control string       `json:"control"`
	Week    string       `json:"week"` // ISO 8601: 2026-W47
	Signer  string       `json:"signer"`
	Alerts  []SignedItem `json:"alerts"`
	// Undetermined counts the week's acts that could not be judged.
	Undetermined int    `json:"undetermined"`
	Statement    string `json:"statement"` // the words that were signed
	Comment      string `json:"comment,omitempty"`
	// Through is the number of records that the signer's view was made of, so
	// that what they saw can be shown again.
	Through uint64 `json:"through"`
	Via     string `json:"via"`
	Login   string `json:"login,omitempty"`
}

// SignedItem is an alert as it was signed off.
type SignedItem struct {
	Alert       string      `json:"alert"`
	Revision    int         `json:"revision"`
	Disposition Disposition `json:"disposition"`
	Reviewer    string      `json:"reviewer"`
}

// Sample is a draw of an auditor: recorded with its seed, so that anyone can
// draw it again.
type Sample struct {
	Control    string    `json:"control"`
	From       time.Time `json:"from"` // inclusive, source's clock
	To         time.Time `json:"to"`   // exclusive
	Of         string    `json:"of"`   // alerts, verdicts
	Population Digest    `json:"population"`
	Count      int       `json:"count"` // of the population
	Seed       string    `json:"seed"`
	Size       int       `json:"size"`
	Items      []string  `json:"items"` // IDs in the order drawn
	By         string    `json:"by"`
}

package main

import (
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
)

// The kinds of fault that SARIF names.
const (
	sarifRejected  = "sigma/fault"  // the rule is not in force
	sarifReference = "policy/fault" // anything else of a policy
)

// sarifLog is a report in SARIF 2.1.0, as much of it as rules check says.
//
// Format: OASIS, Static Analysis Results Interchange Format 2.1.0, section 3.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool struct {
		Driver sarifDriver `json:"driver"`
	} `json:"tool"`
	// ColumnKind says that columns count characters; the default is UTF-16.
	ColumnKind string        `json:"columnKind"`
	Results    []sarifResult `json:"results"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version"`
	Rules   []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID               string    `json:"id"`
	ShortDescription sarifText `json:"shortDescription"`
	FullDescription  sarifText `json:"fullDescription"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID    string          `json:"ruleId"`
	Level     string          `json:"level"`
	Message   sarifText       `json:"message"`
	Locations []sarifLocation `json:"locations"`
}

type sarifLocation struct {
	Physical struct {
		Artifact struct {
			URI string `json:"uri"`
		} `json:"artifactLocation"`
		Region sarifRegion `json:"region"`
	} `json:"physicalLocation"`
}

type sarifRegion struct {
	StartLine   int        `json:"startLine"`
	StartColumn int        `json:"startColumn"`
	EndColumn   int        `json:"endColumn"` // behind the last character
	Snippet     *sarifText `json:"snippet,omitempty"`
}

func (r *checkReport) sarif(w io.Writer) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}} // none is not null
	run.Tool.Driver = sarifDriver{Name: "sidedoor rules check", Version: version, Rules: []sarifRule{
		{sarifRejected, sarifText{"The rule is rejected"}, sarifText{"A rule with a fault is not in force; the others are."}},
		{sarifReference, sarifText{"The policy has a fault"}, sarifText{"A file of controls or of the estate has a fault, or a rule refers to what does not exist."}},
	}}
	for _, f := range r.faults {
		run.Results = append(run.Results, f.sarif())
	}
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	return out.Encode(sarifLog{
		Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run},
	})
}

func (f *checkLine) sarif() sarifResult {
	out := sarifResult{RuleID: sarifReference, Level: "error", Message: sarifText{f.Message}}
	if f.Rejected {
		out.RuleID = sarifRejected
	}
	var at sarifLocation
	at.Physical.Artifact.URI = fileURI(f.File)
	at.Physical.Region = sarifRegion{StartLine: f.Line, StartColumn: f.Column, EndColumn: f.Column + max(1, f.fault.Width)}
	if f.Excerpt != "" {
		at.Physical.Region.Snippet = &sarifText{f.Excerpt}
	}
	out.Locations = []sarifLocation{at}
	return out
}

// fileURI names a file as a reference relative to the working folder, or as an
// absolute URI.
func fileURI(name string) string {
	u := url.URL{Path: filepath.ToSlash(name)}
	if filepath.IsAbs(name) {
		u.Scheme = "file"
	}
	return u.String()
}

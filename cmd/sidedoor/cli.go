package main

import "github.com/alecthomas/kong"

const description = `Finds what bypassed the controls of a delivery platform, and keeps the evidence.

Start with logs you have: sidedoor scan ./cloudtrail ./audit.log

See a whole week of it: sidedoor demo --once

Watch for good: sidedoor run --config sidedoor.yaml`

// commands is the command line.
type commands struct {
	Version kong.VersionFlag `help:"Print the version and exit."`

	Scan     scanCmd     `cmd:"" help:"Judge log files, offline and without configuration."`
	Run      runCmd      `cmd:"" help:"Watch the configured sources, alert, and keep the evidence."`
	Demo     demoCmd     `cmd:"" help:"Play a week of a small company through the real pipeline."`
	Rules    rulesCmd    `cmd:"" help:"Check, test, explain, list and measure rules."`
	Explain  explainCmd  `cmd:"" help:"Show what is behind an alert or a verdict: who, what would have approved it, and every approval considered."`
	People   peopleCmd   `cmd:"" help:"Say who is who, and whom nobody knows."`
	Policy   policyCmd   `cmd:"" help:"Say what is in force, what was, and what a change would have judged."`
	Review   reviewCmd   `cmd:"" help:"Do the weekly bypass review."`
	Audit    auditCmd    `cmd:"" help:"Draw samples of the evidence and take them away."`
	Verify   verifyCmd   `cmd:"" help:"Check a data folder or an exported folder, offline."`
	Sources  sourcesCmd  `cmd:"" help:"Say of every source whether all of it was seen: what is missing, silent or behind."`
	Dead     deadCmd     `cmd:"" help:"List what arrived and could not be read, or in more ways than one."`
	Backfill backfillCmd `cmd:"" help:"Fetch what a source has of a period of the past."`
	Listen   listenCmd   `cmd:"" help:"Print alerts that are sent here, to try receivers without Slack."`
}

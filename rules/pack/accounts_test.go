package pack_test

import (
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"sidedoor/ingest/logfile"
	"sidedoor/rules"
	"sidedoor/rules/judge/offline"
	"sidedoor/rules/pack"
)

// accounts are rules of the pack about approvals, each with a test that holds
// only where the estate knows that alice has two accounts and another name.
var accounts = map[string]string{
	"github/own-change-approved.yml": `
  - name: approved by another account of the author
    kind: pull_request_review
    event: {action: submitted, review: {state: approved, user: {login: alice-private}, commit_id: fade, submitted_at: '2026-11-16T08:30:00Z'}, pull_request: {number: 7, user: {login: alice-acme}}, repository: {full_name: acme/shop}}
    verdict: bypass
    why: self-approved
`,
	"github/unreviewed-merge.yml": `
  - name: approved by another account of the author
    kind: pull_request
    given: [{kind: pull_request_review, event: {action: submitted, review: {state: approved, user: {login: alice-private}, commit_id: fade, submitted_at: '2026-11-16T08:30:00Z'}, pull_request: {number: 7}, repository: {full_name: acme/shop}}}]
    event: {action: closed, number: 7, pull_request: {number: 7, merged: true, merge_commit_sha: c0ffee, merged_at: '2026-11-16T09:00:00Z', user: {login: alice-acme}, merged_by: {login: alice-acme}, head: {sha: fade}, base: {ref: main}}, repository: {full_name: acme/shop}, sender: {login: alice-acme}}
    verdict: bypass
    why: self-approved
`,
	"github/author-approves-deployment.yml": `
  - name: let through by another account of the author
    kind: deployment_review
    given: [{kind: pull_request, event: {action: closed, number: 7, pull_request: {number: 7, merged: true, merge_commit_sha: c0ffee, merged_at: '2026-11-16T08:40:00Z', user: {login: alice-acme}, merged_by: {login: bob-acme}, head: {sha: fade}, base: {ref: main}}, repository: {full_name: acme/shop}}}]
    event: {action: approved, since: '2026-11-16T08:50:00Z', approver: {login: alice-private}, workflow_job_runs: [{environment: production}], workflow_run: {id: 5, head_sha: c0ffee}, repository: {full_name: acme/shop}}
    verdict: bypass
    why: self-approved
`,
	"approvals/self-approved.yml": `
  - name: an account of GitHub, granted by its owner
    event: {specversion: '1.0', id: g1, source: 'https://access.acme.example', type: dev.sidedoor.access-grant, time: '2026-11-16T08:00:00Z', data: {actor: alice@acme.example, approver: alice, scope: acme/shop, from: '2026-11-16T08:00:00Z', until: '2026-11-16T18:00:00Z'}}
    verdict: bypass
    why: self-approved
`,
	"gitlab/unreviewed-merge.yml": `
  - name: approved by another name of the author of its last commit
    given: [{event: {object_kind: merge_request, user: {username: alice-lab}, project: {path_with_namespace: acme/shop}, object_attributes: {iid: 7, action: approved, state: opened, updated_at: '2026-11-16 08:30:00 UTC', last_commit: {id: fade}}}}]
    event: {object_kind: merge_request, user: {username: bob}, project: {path_with_namespace: acme/shop}, object_attributes: {iid: 7, action: merge, state: merged, target_branch: main, updated_at: '2026-11-16 09:00:00 UTC', last_commit: {id: fade, author: {email: alice@acme.example}}}}
    verdict: bypass
    why: self-approved
`,
}

const people = `
people:
  - name: alice
    email: alice@acme.example
    aliases:
      github: [alice-acme, alice-private]
      gitlab: [alice-lab]
`

func TestAPersonIsNotIndependentOfTheirOtherAccounts(t *testing.T) {
	estate := fstest.MapFS{"estate.yaml": {Data: []byte(people)}}
	for file, more := range accounts {
		document, err := fs.ReadFile(pack.FS(), "rules/"+file)
		if err != nil {
			t.Fatal(err)
		}
		estate["rules/"+file] = &fstest.MapFile{Data: append(document, more[1:]...)}
	}
	p, faults := rules.Load(pack.FS(), estate)
	if err := faults.Err(); err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, r := range p.Test(logfile.Identify, offline.Verdict) {
		if !slices.ContainsFunc(slices.Collect(maps.Values(accounts)), func(more string) bool { return strings.Contains(more, "name: "+r.Test+"\n") }) {
			continue // its people are others, in this estate
		}
		ran++
		if r.Err != nil {
			t.Errorf("%s: %s: %v", r.Rule, r.Test, r.Err)
		}
	}
	if ran != len(accounts) {
		t.Errorf("%d tests ran of %d", ran, len(accounts))
	}
}

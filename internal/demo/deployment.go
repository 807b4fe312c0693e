package demo

import (
	"fmt"
	"time"
)

type workflowRun struct {
	ID              int64   `json:"id"`
	Name            string  `json:"name"`
	Path            string  `json:"path"`
	Event           string  `json:"event"`
	Status          string  `json:"status"`
	Conclusion      *string `json:"conclusion"`
	HeadBranch      string  `json:"head_branch"`
	HeadSHA         string  `json:"head_sha"`
	HTMLURL         string  `json:"html_url"`
	RunNumber       int     `json:"run_number"`
	RunAttempt      int     `json:"run_attempt"`
	CreatedAt       string  `json:"created_at"`
	UpdatedAt       string  `json:"updated_at"`
	RunStartedAt    string  `json:"run_started_at"`
	Actor           account `json:"actor"`
	TriggeringActor account `json:"triggering_actor"`
}

type deployment struct {
	ID           int64   `json:"id"`
	SHA          string  `json:"sha"`
	Ref          string  `json:"ref"`
	Task         string  `json:"task"`
	Environment  string  `json:"environment"`
	OriginalEnv  string  `json:"original_environment"`
	IsProduction bool    `json:"production_environment"`
	Creator      account `json:"creator"`
	CreatedAt    string  `json:"created_at"`
	UpdatedAt    string  `json:"updated_at"`
}

// run writes down a workflow run from its request to its success.
func (s *scribe) run(at time.Time, repo string, r workflowRun, by string, takes time.Duration) {
	for _, step := range []struct {
		action, status string
		after          time.Duration
	}{{"requested", "queued", 0}, {"completed", "completed", takes}} {
		r = s.started(r, repo, at, by)
		r.Status, r.UpdatedAt = step.status, stamp(at.Add(step.after))
		if step.action == "completed" {
			success := "success"
			r.Conclusion = &success
		}
		s.hook(at.Add(step.after), "workflow_run", repo, by, payload{
			"action": step.action, "workflow_run": r,
			"workflow": map[string]any{"id": number(r.Path), "name": r.Name, "path": r.Path, "state": "active"},
		})
	}
}

// started fills in what every run has from its start.
func (s *scribe) started(r workflowRun, repo string, at time.Time, by string) workflowRun {
	if r.ID == 0 {
		r.ID = s.runID()
	}
	r.RunNumber = 1000 + int(r.ID%10_000)
	r.HTMLURL = s.web(repo, "actions/runs", r.ID)
	r.RunAttempt, r.CreatedAt, r.UpdatedAt, r.RunStartedAt = 1, stamp(at), stamp(at), stamp(at)
	r.Actor, r.TriggeringActor = login(by), login(by)
	return r
}

// runID is what GitHub calls a run.
func (s *scribe) runID() int64 { return 19_000_000_000 + s.dice.Int64N(1_000_000_000) }

// rollout is a deployment from its creation to its success.
type rollout struct {
	repo        string
	sha         string
	environment string
	by          string    // login of whoever triggered it
	approvedBy  []string  // logins; none: nobody was asked
	at          time.Time // when it was asked for
	starts      time.Time
}

const (
	production = "production"
	actionsBot = "github-actions[bot]"
)

// deploy writes down a deployment and the workflow run that makes it.
func (s *scribe) deploy(d rollout) {
	run := s.started(workflowRun{
		Name: "deploy", Path: ".github/workflows/deploy.yaml", Event: "push", Status: "waiting", HeadBranch: mainBranch, HeadSHA: d.sha,
	}, d.repo, d.at, d.by)
	dep := deployment{
		ID: 3_000_000_000 + s.dice.Int64N(100_000_000), SHA: d.sha, Ref: mainBranch, Task: "deploy", Environment: d.environment,
		OriginalEnv: d.environment, IsProduction: d.environment == production, Creator: login(actionsBot), CreatedAt: stamp(d.at), UpdatedAt: stamp(d.at),
	}
	s.hook(d.at, "deployment", d.repo, actionsBot, payload{"action": "created", "deployment": dep, "workflow_run": run})
	if len(d.approvedBy) > 0 {
		s.deploymentReviews(d, run)
	}
	run.Status = "in_progress"
	for i, state := range []string{"in_progress", "success"} {
		at := d.starts.Add(time.Duration(i) * 3 * time.Minute)
		dep.UpdatedAt, run.UpdatedAt = stamp(at), stamp(at)
		s.hook(at, "deployment_status", d.repo, actionsBot, payload{
			"action": "created", "deployment": dep, "workflow_run": run, "deployment_status": map[string]any{
				"id": number(fmt.Sprint(dep.ID, state)), "state": state, "creator": login(actionsBot), "description": "",
				"environment": d.environment, "created_at": stamp(at), "updated_at": stamp(at),
			},
		})
	}
}

// deploymentReviews writes down that people were asked and said yes, one after
// the other.
func (s *scribe) deploymentReviews(d rollout, run workflowRun) {
	job := map[string]any{
		"id": number(fmt.Sprint(run.ID)), "name": "deploy", "status": "waiting", "conclusion": nil, "environment": d.environment,
		"created_at": stamp(d.at), "updated_at": stamp(d.at),
	}
	var reviewers []map[string]any
	for _, by := range d.approvedBy {
		reviewers = append(reviewers, map[string]any{"type": "User", "reviewer": login(by)})
	}
	s.hook(d.at.Add(2*time.Second), "deployment_review", d.repo, d.by, payload{
		"action": "requested", "workflow_run": run, "workflow_job_run": job, "environment": d.environment,
		"since": stamp(d.at.Add(2 * time.Second)), "reviewers": reviewers, "requestor": login(d.by),
	})
	for i, by := range d.approvedBy {
		approved := d.starts.Add(-time.Duration(len(d.approvedBy)-i) * 30 * time.Second)
		run.UpdatedAt = stamp(approved)
		s.hook(approved, "deployment_review", d.repo, by, payload{
			"action": "approved", "workflow_run": run, "workflow_job_runs": []any{job}, "environment": d.environment,
			"since": stamp(approved), "approver": login(by), "comment": "", "reviewers": reviewers,
		})
	}
}

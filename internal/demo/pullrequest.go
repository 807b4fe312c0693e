package demo

import (
	"fmt"
	"time"
)

// proposal is a pull request from its opening to its merge.
type proposal struct {
	repo     string
	by       string // login of the author
	title    string
	branch   string
	change   change
	opened   time.Time
	reviews  []review
	merged   time.Time
	mergedBy string

	number      int
	head, merge string // commits
}

// review is what somebody says about a pull request.
type review struct {
	by    string // login
	at    time.Time
	state string
}

// States of a review. One that is dismissed is the reviewer's last one.
const (
	reviewApproved  = "approved"
	reviewCommented = "commented"
	reviewDismissed = "dismissed"
)

// propose writes down a pull request with all that it causes up to its merge
// and the push that this is; it returns the commit on main.
func (s *scribe) propose(p proposal) string {
	p.head, p.merge = s.dice.sha(), s.dice.sha()
	// Numbers rise with time, and two pull requests are never that close.
	p.number = 400 + int(p.opened.Sub(s.monday)/(7*time.Minute))
	s.push(p.opened.Add(-2*time.Minute), p.repo, p.branch, p.head, p.by, p.change)
	s.hook(p.opened, "pull_request", p.repo, p.by, payload{"action": "opened", "number": p.number, "pull_request": s.pullRequest(p, p.opened)})
	s.run(p.opened.Add(20*time.Second), p.repo, workflowRun{
		Name: "test", Path: ".github/workflows/test.yaml", Event: "pull_request", HeadBranch: p.branch, HeadSHA: p.head,
	}, p.by, 4*time.Minute)
	s.discuss(p)
	s.hook(p.merged, "pull_request", p.repo, p.mergedBy, payload{"action": "closed", "number": p.number, "pull_request": s.pullRequest(p, p.merged)})
	s.push(p.merged.Add(time.Second), p.repo, mainBranch, p.merge, p.mergedBy, p.change)
	return p.merge
}

// discuss writes down what people say about a pull request.
func (s *scribe) discuss(p proposal) {
	last := map[string]payload{}
	for _, r := range p.reviews {
		action, said := "submitted", last[r.by]
		if r.state == reviewDismissed && said != nil {
			action = "dismissed"
		} else {
			id := s.dice.Uint32()
			said = payload{
				"id": id, "user": login(r.by), "body": nil, "commit_id": p.head, "submitted_at": stamp(r.at), "author_association": "MEMBER",
				"html_url": fmt.Sprintf("%s#pullrequestreview-%d", s.web(p.repo, "pull", int64(p.number)), id),
			}
		}
		said["state"], said["updated_at"] = r.state, stamp(r.at)
		last[r.by] = said
		s.hook(r.at, "pull_request_review", p.repo, r.by, payload{
			"action": action, "pull_request": s.pullRequest(p, r.at), "review": said,
		})
	}
}

// pullRequest is the pull request as it is at a moment.
func (s *scribe) pullRequest(p proposal, at time.Time) pullRequest {
	end := func(ref, sha string, who account) branch {
		return branch{Ref: ref, SHA: sha, User: who, Repo: s.repository(p.repo, at)}
	}
	out := pullRequest{
		ID: number(p.head), Number: p.number, HTMLURL: s.web(p.repo, "pull", int64(p.number)), State: "open", Title: p.title, User: login(p.by),
		Head: end(p.branch, p.head, s.organisation()), Base: end(mainBranch, newDice(p.head).sha(), s.organisation()),
		CreatedAt: stamp(p.opened), UpdatedAt: stamp(at), Commits: 1,
		ChangedFiles: len(p.change.Added) + len(p.change.Modified) + len(p.change.Removed),
	}
	if at.Before(p.merged) {
		return out
	}
	who, when := login(p.mergedBy), stamp(p.merged)
	out.State, out.Merged, out.MergedBy, out.MergeCommitSHA = "closed", true, &who, &p.merge
	out.ClosedAt, out.MergedAt = &when, &when
	return out
}

package demo

import (
	"errors"
	"fmt"
	"time"
)

// githubLogin returns the login of somebody of the cast; any other name is a
// login itself.
func (s *scribe) githubLogin(name string) string {
	if p, err := s.person(name); err == nil {
		return p.GitHub
	}
	return name
}

// pushForm is somebody pushing a commit to main.
type pushForm struct {
	By     string `yaml:"by"`
	Repo   string `yaml:"repo"`
	Change change `yaml:",inline"`
}

func (f *pushForm) write(s *scribe, at time.Time) error {
	s.push(at, f.Repo, mainBranch, s.dice.sha(), s.githubLogin(f.By), f.Change)
	return nil
}

// commitOf returns the commit that the pull request of a beat brought; of this
// one, if it names none.
func (s *scribe) commitOf(title string) (string, error) {
	if title == "" {
		if s.commit == "" {
			return "", errors.New("no pull request of this beat brought a commit before")
		}
		return s.commit, nil
	}
	if s.commits[title] == "" {
		return "", fmt.Errorf("of: no pull request of a beat %q before this one brought a commit", title)
	}
	return s.commits[title], nil
}

// pullRequestForm is a pull request that is approved after ten minutes and
// merged by its author after fourteen.
type pullRequestForm struct {
	By         string `yaml:"by"`
	Repo       string `yaml:"repo"`
	Title      string `yaml:"title"`
	Branch     string `yaml:"branch"`
	File       string `yaml:"file"`
	ApprovedBy string `yaml:"approved-by"` // a person or a login
	Dismissed  bool   `yaml:"dismissed"`   // who approved takes it back after two minutes
}

func (f *pullRequestForm) write(s *scribe, at time.Time) error {
	by, reviewer := s.githubLogin(f.By), s.githubLogin(f.ApprovedBy)
	reviews := []review{{reviewer, at.Add(10 * time.Minute), reviewApproved}}
	if f.Dismissed {
		reviews = append(reviews, review{reviewer, at.Add(12 * time.Minute), reviewDismissed})
	}
	s.commit = s.propose(proposal{
		repo: f.Repo, by: by, title: f.Title, branch: f.Branch, change: change{Message: f.Title, Modified: []string{f.File}},
		opened: at, merged: at.Add(14 * time.Minute), mergedBy: by,
		reviews: reviews,
	})
	return nil
}

// deployForm is a deployment to production: of the commit of the beat's pull
// request, or of one from nowhere if there is none.
type deployForm struct {
	By         string   `yaml:"by"`
	Repo       string   `yaml:"repo"`
	ApprovedBy []string `yaml:"approved-by"` // none: nobody was asked
}

func (f *deployForm) write(s *scribe, at time.Time) error {
	sha := s.commit
	if sha == "" {
		sha = s.dice.sha()
	}
	d := rollout{repo: f.Repo, sha: sha, environment: production, by: s.githubLogin(f.By), at: at, starts: at.Add(2 * time.Minute)}
	for _, name := range f.ApprovedBy {
		d.approvedBy = append(d.approvedBy, s.githubLogin(name))
	}
	s.deploy(d)
	return nil
}

// protectionForm is somebody telling GitHub to protect main less: from two
// approvals to none, and not from administrators.
type protectionForm struct {
	By   string `yaml:"by"`
	Repo string `yaml:"repo"`
}

func (f *protectionForm) write(s *scribe, at time.Time) error {
	s.hook(at, "branch_protection_rule", f.Repo, s.githubLogin(f.By), payload{
		"action": "edited",
		"rule": protection{
			ID: number(f.Repo + mainBranch), Name: mainBranch, CreatedAt: stamp(s.monday.AddDate(-1, 0, 0)), UpdatedAt: stamp(at),
			ReviewsEnforcement: "non_admins", DismissStale: true, RequireCodeOwner: true, ForcePushesAllowed: "off",
		},
		"changes": map[string]any{
			"required_approving_review_count": map[string]any{"from": 2}, "admin_enforced": map[string]any{"from": true},
		},
	})
	return nil
}

// hookForm is somebody deleting a repository's webhook.
type hookForm struct {
	By   string `yaml:"by"`
	Repo string `yaml:"repo"`
}

func (f *hookForm) write(s *scribe, at time.Time) error {
	id := number(f.Repo + "hook")
	s.hook(at, "meta", f.Repo, s.githubLogin(f.By), payload{
		"action": "deleted", "hook_id": id, "hook": map[string]any{
			"type": "Repository", "id": id, "name": "web", "active": true, "events": []string{"*"}, "updated_at": stamp(at),
			"created_at": stamp(s.monday.AddDate(-1, 0, 0)), "config": map[string]any{"content_type": "json", "insecure_ssl": "0"},
		},
	})
	return nil
}

// teamForm is somebody putting somebody into a team of the organisation.
type teamForm struct {
	By     string `yaml:"by"`
	Member string `yaml:"member"`
	Team   string `yaml:"team"`
}

func (f *teamForm) write(s *scribe, at time.Time) error {
	s.hookAs(at, "membership", s.githubLogin(f.By), payload{
		"action": "added", "scope": "team", "member": login(s.githubLogin(f.Member)), "team": map[string]any{
			"id": number(f.Team), "name": f.Team, "slug": f.Team, "privacy": "closed", "permission": "pull",
		},
	})
	return nil
}

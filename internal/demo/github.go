package demo

import (
	"fmt"
	"hash/fnv"
	"strings"
	"time"
)

// payload is the body of a GitHub webhook.
type payload map[string]any

type account struct {
	Login string `json:"login"`
	ID    uint32 `json:"id"`
	Type  string `json:"type"`
}

// login returns the account behind a login; "[bot]" makes it a bot's.
func login(name string) account {
	kind := "User"
	if strings.HasSuffix(name, "[bot]") {
		kind = "Bot"
	}
	return account{name, number(name), kind}
}

// number gives a name a number that is always the same.
func number(name string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(name))
	return h.Sum32() >> 4
}

type repository struct {
	ID            uint32  `json:"id"`
	Name          string  `json:"name"`
	FullName      string  `json:"full_name"`
	Private       bool    `json:"private"`
	Owner         account `json:"owner"`
	DefaultBranch string  `json:"default_branch"`
	UpdatedAt     string  `json:"updated_at"`
	PushedAt      any     `json:"pushed_at"` // a number in push events, a text in all others
}

type commit struct {
	ID        string       `json:"id"`
	TreeID    string       `json:"tree_id"`
	Distinct  bool         `json:"distinct"`
	Message   string       `json:"message"`
	Timestamp string       `json:"timestamp"`
	Author    commitAuthor `json:"author"`
	Committer commitAuthor `json:"committer"`
	Added     []string     `json:"added"`
	Modified  []string     `json:"modified"`
	Removed   []string     `json:"removed"`
}

type commitAuthor struct {
	Name     string `json:"name"`
	Email    string `json:"email"`
	Username string `json:"username,omitempty"`
}

// branch is one end of a pull request.
type branch struct {
	Ref  string     `json:"ref"`
	SHA  string     `json:"sha"`
	User account    `json:"user"`
	Repo repository `json:"repo"`
}

type pullRequest struct {
	ID             uint32   `json:"id"`
	Number         int      `json:"number"`
	HTMLURL        string   `json:"html_url"`
	State          string   `json:"state"`
	Title          string   `json:"title"`
	User           account  `json:"user"`
	Head           branch   `json:"head"`
	Base           branch   `json:"base"`
	Draft          bool     `json:"draft"`
	Merged         bool     `json:"merged"`
	MergedBy       *account `json:"merged_by"`
	MergeCommitSHA *string  `json:"merge_commit_sha"`
	CreatedAt      string   `json:"created_at"`
	UpdatedAt      string   `json:"updated_at"`
	ClosedAt       *string  `json:"closed_at"`
	MergedAt       *string  `json:"merged_at"`
	Commits        int      `json:"commits"`
	ChangedFiles   int      `json:"changed_files"`
}

// protection is a branch protection rule, as far as the week needs it.
type protection struct {
	ID                  uint32 `json:"id"`
	Name                string `json:"name"`
	CreatedAt           string `json:"created_at"`
	UpdatedAt           string `json:"updated_at"`
	ReviewsEnforcement  string `json:"pull_request_reviews_enforcement_level"`
	RequiredApprovals   int    `json:"required_approving_review_count"`
	DismissStale        bool   `json:"dismiss_stale_reviews_on_push"`
	RequireCodeOwner    bool   `json:"require_code_owner_review"`
	AdminEnforced       bool   `json:"admin_enforced"`
	ForcePushesAllowed  string `json:"allow_force_pushes_enforcement_level"`
	RequireLastPushOkay bool   `json:"require_last_push_approval"`
}

const mainBranch = "main"

func stamp(at time.Time) string { return at.Format(time.RFC3339) }

func (s *scribe) repository(name string, at time.Time) repository {
	return repository{
		ID: number(name), Name: name, FullName: s.Company.Organisation + "/" + name, Private: true,
		Owner: s.organisation(), DefaultBranch: mainBranch, UpdatedAt: stamp(at), PushedAt: stamp(at),
	}
}

// web is where people look at something of a repository.
func (s *scribe) web(repo, what string, id int64) string {
	return fmt.Sprintf("https://github.com/%s/%s/%s/%d", s.Company.Organisation, repo, what, id)
}

func (s *scribe) organisation() account {
	return account{s.Company.Organisation, number(s.Company.Organisation), "Organization"}
}

// hook writes down a webhook about a repository.
func (s *scribe) hook(at time.Time, kind, repo, sender string, p payload) {
	p["repository"] = s.repository(repo, at)
	s.hookAs(at, kind, sender, p)
}

func (s *scribe) hookAs(at time.Time, kind, sender string, p payload) {
	p["sender"], p["organization"] = login(sender), s.organisation()
	s.write(happening{at: at, source: SourceGitHub, kind: kind, guid: s.dice.uuid()}, p)
}

// change is what a commit does to files.
type change struct {
	Message  string   `yaml:"message"`
	Added    []string `yaml:"added"`
	Modified []string `yaml:"modified"`
	Removed  []string `yaml:"removed"`
}

// push writes down that a commit is now the head of a branch.
func (s *scribe) push(at time.Time, repo, ref, sha, by string, c change) {
	author := commitAuthor{by, fmt.Sprintf("%d+%s@users.noreply.github.com", number(by), by), by}
	head := commit{
		ID: sha, TreeID: s.dice.sha(), Distinct: true, Message: c.Message, Timestamp: stamp(at), Author: author, Committer: author,
		Added: orNone(c.Added), Modified: orNone(c.Modified), Removed: orNone(c.Removed),
	}
	r := s.repository(repo, at)
	r.PushedAt = at.Unix()
	before := s.dice.sha()
	s.hookAs(at, "push", by, payload{
		"repository": r, "ref": "refs/heads/" + ref, "before": before, "after": sha, "created": false, "deleted": false,
		"forced": false, "base_ref": nil, "compare": fmt.Sprintf("https://github.com/%s/compare/%s...%s", r.FullName, before[:12], sha[:12]),
		"commits": []commit{head}, "head_commit": head, "pusher": commitAuthor{Name: by, Email: author.Email},
	})
}

// orNone writes an empty list as [] where GitHub has no null.
func orNone(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

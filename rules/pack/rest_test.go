package pack_test

import (
	"slices"
	"testing"
)

// rest are the acts that the pack sees in those events of the delivery platform
// of which their origin says nothing. Whether they were approved is another
// matter: nothing in the corpus approves anything.
var rest = map[string][]string{
	// Pushes to master, three of which rewrite it, and a tag v1.0.
	"argocd/a-github-webhook.jsonl:1":        {"github-forced-push"},
	"argocd/a-github-webhook.jsonl:3":        {"github-forced-push"},
	"argocd/a-github-webhook.jsonl:8":        {"github-forced-push"},
	"argocd/a-github-webhook.jsonl:10":       {"github-release-tag-unreviewed"},
	"argocd/a-gitlab-webhook.jsonl:1":        {"gitlab-direct-push"},
	"argocd/a-gitlab-webhook.jsonl:4":        {"gitlab-direct-push"},
	"goplayground/a-github-webhook.jsonl:36": {"github-direct-push"},
	"goplayground/a-gitlab-webhook.jsonl:13": {"gitlab-direct-push"},
	"goplayground/a-gitlab-webhook.jsonl:29": {"gitlab-direct-push"}, // a system hook
	// A sync by hand, of a revision of which nobody has said anything.
	"argocd/a-argocd.jsonl:1": {"argocd-unreviewed-sync"},
	// A deployment through the API, without a run of the pipeline.
	"goplayground/a-github-webhook.jsonl:9": {"github-deployment-by-hand", "github-unapproved-deployment", "github-unreviewed-deployment"},
	// A review: looked at is whether who gave it is independent.
	"goplayground/a-github-webhook.jsonl:34": {"github-own-change-approved"},
	// Who may push was changed; the event says to whom, not whether that is fewer.
	"octokit/a-github-webhook.jsonl:4": {"github-protection-weakened"},
	// People added to a repository, or with another permission.
	"goplayground/a-github-webhook.jsonl:21": {"github-collaborator-added"},
	"octokit/a-github-webhook.jsonl:74":      {"github-collaborator-added"},
	"octokit/a-github-webhook.jsonl:75":      {"github-collaborator-added"},
	// Packages and releases of people.
	"octokit/a-github-webhook.jsonl:88":      {"github-package-by-hand"},
	"octokit/a-github-webhook.jsonl:89":      {"github-package-by-hand"},
	"octokit/a-github-webhook.jsonl:126":     {"github-release-changed"},
	"octokit/a-github-webhook.jsonl:128":     {"github-release-by-hand"},
	"octokit/a-github-webhook.jsonl:129":     {"github-release-by-hand"},
	"goplayground/a-github-webhook.jsonl:37": {"github-release-by-hand"},
}

// acts returns the names of the rules that find acts, but for those that only
// serve correlations.
func acts(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, r := range load(t).Rules {
		out[r.Name] = r.Act != nil && !serves(r)
	}
	return out
}

func TestWhatThePackFindsWhereNobodyHasSaidAnythingIsKnown(t *testing.T) {
	m, act := compile(t, load(t)), acts(t)
	got := map[string][]string{}
	for _, l := range labels(t) {
		switch l.source {
		case "github-webhook", "gitlab-webhook", "ci", "argocd":
		default:
			continue
		}
		if l.expected != "unknown" {
			continue
		}
		for _, name := range foundIn(t, m, l) {
			if act[name] {
				got[l.place()] = append(got[l.place()], name)
			}
		}
	}
	for place, names := range got {
		if slices.Sort(names); !slices.Equal(names, rest[place]) {
			t.Errorf("%s: we find %q, and expected %q", place, names, rest[place])
		}
	}
	for place := range rest {
		if got[place] == nil {
			t.Errorf("%s: we find nothing, and expected %q", place, rest[place])
		}
	}
}

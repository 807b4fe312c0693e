package github

import "sidedoor/ingest/jsonscan"

// maxMembers bounds at how many keys of a payload is looked; GitHub's have a
// few dozen.
const maxMembers = 1000

// KindOf guesses an event's name from the shape of a bare payload, for
// deliveries that were kept without their headers. It returns "" if the shape
// is none of GitHub's.
func KindOf(raw []byte) string {
	has := map[string]bool{}
	action := ""
	jsonscan.Members(raw, func(key string, value []byte) bool {
		has[key] = true
		if key == "action" {
			action = jsonscan.Text(value)
		}
		return len(has) < maxMembers
	})
	for _, s := range shapes {
		if s.fits(has, action) {
			return s.kind
		}
	}
	return ""
}

// shape is what tells an event from the others: keys that it has, keys that it
// has not, and actions if others share its keys.
type shape struct {
	kind    string
	has     []string
	not     []string
	actions []string
}

func (s shape) fits(has map[string]bool, action string) bool {
	for _, k := range s.has {
		if !has[k] {
			return false
		}
	}
	for _, k := range s.not {
		if has[k] {
			return false
		}
	}
	if s.actions == nil {
		return true
	}
	for _, a := range s.actions {
		if a == action {
			return true
		}
	}
	return false
}

// shapes are looked at in order: what holds more comes first.
var shapes = []shape{
	{kind: "push", has: []string{"ref", "before", "after", "commits", "pusher"}},
	{kind: "ping", has: []string{"zen", "hook_id"}},
	{kind: "meta", has: []string{"hook", "hook_id"}, not: []string{"zen"}, actions: []string{"deleted"}},
	{kind: "deployment_review", has: []string{"workflow_run", "since"}, actions: []string{"approved", "rejected", "requested"}},
	{kind: "deployment_review", has: []string{"environment", "requestor", "workflow_run"}, actions: []string{"requested"}},
	{kind: "deployment_protection_rule", has: []string{"deployment_callback_url"}},
	{kind: "deployment_status", has: []string{"deployment_status", "deployment"}},
	{kind: "deployment", has: []string{"deployment"}, not: []string{"deployment_status", "workflow_job"}},
	{kind: "pull_request_review_thread", has: []string{"thread", "pull_request"}},
	{kind: "pull_request_review_comment", has: []string{"comment", "pull_request"}},
	{kind: "pull_request_review", has: []string{"review", "pull_request"}},
	{kind: "pull_request", has: []string{"pull_request", "number"}},
	{kind: "workflow_job", has: []string{"workflow_job"}},
	{kind: "workflow_run", has: []string{"workflow_run"}},
	{kind: "workflow_dispatch", has: []string{"inputs", "ref", "workflow"}},
	{kind: "repository_dispatch", has: []string{"client_payload"}},
	{kind: "branch_protection_rule", has: []string{"rule"}, actions: []string{"created", "edited", "deleted"}},
	{kind: "branch_protection_configuration", has: []string{"repository", "sender"}, not: []string{"changes", "rule", "subscription"}, actions: []string{"enabled", "disabled"}},
	{kind: "repository_ruleset", has: []string{"repository_ruleset"}},
	{kind: "check_run", has: []string{"check_run"}},
	{kind: "check_suite", has: []string{"check_suite"}},
	{kind: "commit_comment", has: []string{"comment"}, not: []string{"issue", "discussion", "pull_request"}},
	{kind: "issue_comment", has: []string{"comment", "issue"}},
	{kind: "discussion_comment", has: []string{"comment", "discussion"}},
	{kind: "discussion", has: []string{"discussion"}},
	{kind: "issues", has: []string{"issue"}},
	{kind: "status", has: []string{"sha", "state", "context"}},
	{kind: "release", has: []string{"release"}},
	{kind: "delete", has: []string{"ref", "ref_type", "pusher_type"}, not: []string{"master_branch", "description"}},
	{kind: "create", has: []string{"ref", "ref_type", "master_branch"}},
	{kind: "fork", has: []string{"forkee"}},
	{kind: "gollum", has: []string{"pages"}},
	{kind: "page_build", has: []string{"build"}},
	{kind: "code_scanning_alert", has: []string{"alert", "commit_oid"}},
	{kind: "secret_scanning_alert_location", has: []string{"alert", "location"}},
	{kind: "secret_scanning_alert", has: []string{"alert"}, actions: []string{"created", "resolved", "reopened", "revoked", "validated", "publicly_leaked"}},
	{kind: "repository_vulnerability_alert", has: []string{"alert"}},
	{kind: "security_advisory", has: []string{"security_advisory"}},
	{kind: "sponsorship", has: []string{"sponsorship"}},
	{kind: "marketplace_purchase", has: []string{"marketplace_purchase"}},
	{kind: "milestone", has: []string{"milestone"}},
	{kind: "label", has: []string{"label"}},
	{kind: "package", has: []string{"package"}},
	{kind: "registry_package", has: []string{"registry_package"}},
	{kind: "project_card", has: []string{"project_card"}},
	{kind: "project_column", has: []string{"project_column"}},
	{kind: "project", has: []string{"project"}},
	{kind: "projects_v2_item", has: []string{"projects_v2_item"}},
	{kind: "membership", has: []string{"member", "team", "scope"}},
	{kind: "team_add", has: []string{"team", "repository"}, not: []string{"action"}},
	{kind: "team", has: []string{"team"}},
	{kind: "member", has: []string{"member"}},
	{kind: "organization", has: []string{"membership", "organization"}},
	{kind: "org_block", has: []string{"blocked_user"}},
	{kind: "deploy_key", has: []string{"key"}},
	{kind: "github_app_authorization", has: []string{"sender"}, not: []string{"repository", "organization", "installation"}, actions: []string{"revoked"}},
	{kind: "installation_repositories", has: []string{"installation", "repository_selection", "repositories_added"}},
	{kind: "installation_target", has: []string{"target_type", "account"}},
	{kind: "installation", has: []string{"installation", "repositories"}, actions: []string{"created", "deleted", "suspend", "unsuspend", "new_permissions_accepted"}},
	{kind: "installation", has: []string{"installation"}, not: []string{"repository"}, actions: []string{"created", "deleted", "suspend", "unsuspend", "new_permissions_accepted"}},
	{kind: "merge_group", has: []string{"merge_group"}},
	{kind: "watch", has: []string{"repository", "sender"}, actions: []string{"started"}},
	{kind: "star", has: []string{"starred_at"}},
	{kind: "public", has: []string{"repository", "sender"}, not: []string{"action"}},
	{kind: "repository_import", has: []string{"status", "repository", "sender"}, not: []string{"action"}},
	{kind: "organization", has: []string{"organization", "sender"}, not: []string{"repository"}, actions: []string{"deleted", "renamed", "member_added", "member_removed", "member_invited"}},
	{kind: "repository", has: []string{"repository", "sender"}, actions: []string{"created", "deleted", "archived", "unarchived", "edited", "renamed", "transferred", "publicized", "privatized"}},
}

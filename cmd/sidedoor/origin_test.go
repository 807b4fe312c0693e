package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// inGit runs git in a folder, with nobody's configuration.
func inGit(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull,
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@acme.example", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@acme.example")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestThePolicysCommitIsThatOfItsFolderAndIsDirtyWhereTheFolderIsAnother(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("SKIPPED: git is not installed here")
	}
	repo := t.TempDir()
	policy := filepath.Join(repo, "policy")
	write(t, filepath.Join(policy, "estate.yaml"), "lists: {}\n")
	write(t, filepath.Join(repo, ".gitignore"), "hidden.yml\n")
	if commit, _ := commitOf(t.Context(), []string{policy}); commit != "" {
		t.Errorf("of a folder in no repository: %s", commit)
	}
	inGit(t, repo, "init", "-q")
	inGit(t, repo, "remote", "add", "origin", "git@github.com:acme/policy.git")
	inGit(t, repo, "add", ".")
	inGit(t, repo, "commit", "-q", "-m", "a policy")
	head := inGit(t, repo, "rev-parse", "HEAD")
	want := func(what, commit string, paths ...string) {
		t.Helper()
		if got, repository := commitOf(t.Context(), paths); got != commit || (repository != "acme/policy" && commit == head) {
			t.Errorf("%s: %s of %q, want %s", what, got, repository, commit)
		}
	}
	want("as committed", head, policy)
	want("a single file", head, filepath.Join(policy, "estate.yaml"))
	want("two folders of one commit", head, policy, repo)
	other := t.TempDir()
	want("a folder beside it that is in no repository", head+",none", policy, other)
	if _, repository := commitOf(t.Context(), []string{policy, other}); repository != "" {
		t.Errorf("what is partly elsewhere is of the repository %s", repository)
	}

	write(t, filepath.Join(repo, "elsewhere.txt"), "x")
	want("a change beside the folder", head, policy)
	t.Setenv("GIT_DIR", other)
	want("with an environment that points elsewhere", head, policy)
	hidden := filepath.Join(policy, "hidden.yml")
	write(t, hidden, "title: x\n")
	want("a file that git ignores", head+"-dirty", policy)
	if err := os.Remove(hidden); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(policy, "estate.yaml"), "lists: {a: []}\n")
	want("changed", head+"-dirty", policy)
	t.Setenv("PATH", other)
	want("without git", "", policy)
}

func TestARepositoryIsCalledAsItsHostCallsIt(t *testing.T) {
	for remote, want := range map[string]string{
		"git@github.com:acme/policy.git":              "acme/policy",
		"https://github.com/acme/policy":              "acme/policy",
		"https://x:secret@github.com/acme/policy.git": "acme/policy",
		"ssh://git@gitlab.example:22/acme/sub/p.git":  "acme/sub/p",
		"file:///srv/git/policy.git":                  "",
		"/srv/git/policy.git":                         "",
		"":                                            "",
	} {
		if got := repositoryName(remote); got != want {
			t.Errorf("%q is %q, want %q", remote, got, want)
		}
	}
}

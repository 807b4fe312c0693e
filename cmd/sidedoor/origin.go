package main

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"sidedoor/rules"
)

// attribute says of a policy who loaded it and which commit it is, as far as this
// machine knows. Nobody's word is taken for more: an approval of a commit counts
// because of what the repository's own host says of it.
func attribute(ctx context.Context, policy *rules.Policy, paths []string) {
	policy.By = account()
	policy.Commit, policy.Repository = commitOf(ctx, paths)
}

// account is the operating system's account that the process runs under.
func account() string {
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return "uid " + strconv.Itoa(os.Getuid())
}

const (
	// dirty follows the commit of a folder that holds something else than that.
	dirty = "-dirty"
	// unversioned stands for a folder of several that is in no repository.
	unversioned = "none"
)

// commitOf names the commit of the policy's folders, and their repository. Folders
// of different commits are all named: then no approval of one of them covers the
// policy. Both are empty if no folder is in a repository, or git is not installed.
func commitOf(ctx context.Context, paths []string) (commit, repository string) {
	var commits, repositories []string
	for _, path := range paths {
		c, r := checkout(ctx, path)
		if c == "" {
			c = unversioned
		}
		if !slices.Contains(commits, c) {
			commits = append(commits, c)
		}
		if !slices.Contains(repositories, r) {
			repositories = append(repositories, r)
		}
	}
	if len(commits) == 0 || slices.Equal(commits, []string{unversioned}) {
		return "", ""
	}
	if len(repositories) == 1 {
		repository = repositories[0]
	}
	return strings.Join(commits, ","), repository
}

// checkout names the commit that a folder is checked out from. A file that git
// ignores is part of the policy all the same, so it makes the folder dirty.
func checkout(ctx context.Context, path string) (commit, repository string) {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		path = filepath.Dir(path)
	}
	commit, ok := git(ctx, path, "rev-parse", "--verify", "HEAD")
	if !ok {
		return "", ""
	}
	status, ok := git(ctx, path, "status", "--porcelain", "--untracked-files=all", "--ignored", "--", ".")
	if !ok || status != "" {
		commit += dirty
	}
	remote, _ := git(ctx, path, "config", "--get", "remote.origin.url")
	return commit, repositoryName(remote)
}

// gitWithin bounds one call of git: a monitor must start whatever git does.
const gitWithin = 5 * time.Second

// git runs git in a folder. Neither its environment nor its configuration may
// point it elsewhere or have it run anything else.
func git(ctx context.Context, dir string, args ...string) (out string, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, gitWithin)
	defer cancel()
	args = append([]string{"-C", dir, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=" + os.DevNull}, args...)
	cmd := exec.CommandContext(ctx, "git", args...) //nolint:gosec // the program is fixed, and a path is an argument of its own
	cmd.WaitDelay = time.Second
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "GIT_") })
	cmd.Env = append(cmd.Env, "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	b, err := cmd.Output()
	return strings.TrimSpace(string(b)), err == nil
}

// repositoryName takes owner and name from a remote, as its host calls it:
// git@github.com:acme/policy.git and https://github.com/acme/policy are acme/policy.
func repositoryName(remote string) string {
	path := ""
	if u, err := url.Parse(remote); err == nil && u.Scheme != "" && u.Host != "" {
		path = u.Path
	} else if host, rest, ok := strings.Cut(remote, ":"); ok && !strings.ContainsAny(host, "/\\") && !strings.HasPrefix(rest, "//") {
		path = rest
	}
	return strings.TrimSuffix(strings.Trim(path, "/"), ".git")
}

package cloudtrail

import (
	"context"
	"path"
	"regexp"
	"strings"
	"time"

	"sidedoor/ingest/objects"
)

// dates is how a trail's files are sorted into folders.
const dates = "2006/01/02/"

// What a trail puts below an account.
const (
	logsFolder   = "CloudTrail"
	digestFolder = "CloudTrail-Digest"
)

// location is what the key of a trail's file says:
//
//	[prefix/]AWSLogs/[o-id/]111122223333/CloudTrail/eu-west-1/2026/11/16/<name>
type location struct {
	organisation string // o-…, or ""
	account      string
	kind         string // CloudTrail, CloudTrail-Digest, CloudTrail-Insight, Config …
	region       string
	name         string
}

// locate reads a key; ok says that it has the form of AWS's logs.
func locate(key string) (l location, ok bool) {
	_, rest, found := strings.Cut("/"+key, "/AWSLogs/")
	if !found {
		return l, false
	}
	parts := strings.Split(rest, "/")
	if len(parts) > 0 && strings.HasPrefix(parts[0], "o-") {
		l.organisation, parts = parts[0], parts[1:]
	}
	if len(parts) < 4 {
		return l, false
	}
	l.account, l.kind, l.region, l.name = parts[0], parts[1], parts[2], parts[len(parts)-1]
	return l, true
}

// passOver says in a word what an object is that has no records, by its key, or
// "". A bucket may have the logs of other services, too.
func passOver(key string) string {
	l, ok := locate(key)
	switch {
	case strings.Contains(key, digestFolder):
		return "digest"
	case !strings.HasSuffix(key, ".json") && !strings.HasSuffix(key, ".json.gz"),
		ok && !strings.HasPrefix(l.kind, logsFolder):
		return "other"
	}
	return ""
}

// fileTime is the time in the name of a file: when it was delivered.
var fileTime = regexp.MustCompile(`_(\d{8}T\d{4}(?:\d\d)?Z)`)

// delivered is the time in a file's name, or the zero time.
func delivered(key string) time.Time {
	m := fileTime.FindStringSubmatch(path.Base(key))
	if m == nil {
		return time.Time{}
	}
	for _, form := range []string{"20060102T1504Z", "20060102T150405Z"} {
		if t, err := time.Parse(form, m[1]); err == nil {
			return t
		}
	}
	return time.Time{}
}

// shelf keeps the files of an hour together.
func shelf(key string) string {
	if t := delivered(key); !t.IsZero() {
		return path.Dir(key) + "/T" + t.Format("15")
	}
	return path.Dir(key)
}

// folders returns the folders of each account and region, of trails of an
// organisation, too: of the kinds of files whose name wanted takes.
func folders(ctx context.Context, b *objects.Bucket, prefix string, wanted func(kind string) bool) ([]string, error) {
	accounts, err := accounts(ctx, b, prefix+"AWSLogs/")
	if err != nil {
		return nil, err
	}
	var all []string
	for _, account := range accounts {
		kinds, err := b.Folders(ctx, account)
		if err != nil {
			return nil, err
		}
		for _, kind := range kinds {
			if !wanted(path.Base(kind)) {
				continue
			}
			regions, err := b.Folders(ctx, kind)
			if err != nil {
				return nil, err
			}
			all = append(all, regions...)
		}
	}
	return all, nil
}

func accounts(ctx context.Context, b *objects.Bucket, logs string) ([]string, error) {
	found, err := b.Folders(ctx, logs)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, f := range found {
		if !strings.HasPrefix(path.Base(f), "o-") {
			all = append(all, f)
			continue
		}
		members, err := b.Folders(ctx, f)
		if err != nil {
			return nil, err
		}
		all = append(all, members...)
	}
	return all, nil
}

// ofLogs takes the kinds of files that hold records.
func ofLogs(kind string) bool { return strings.HasPrefix(kind, logsFolder) && kind != digestFolder }

func ofDigests(kind string) bool { return kind == digestFolder }

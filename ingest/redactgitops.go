package ingest

import (
	"bytes"
	"regexp"
	"strings"

	"sidedoor/ingest/jsonscan"
)

// userInfo is the user and password in a URL, as people write them into the
// address of a repository.
var userInfo = regexp.MustCompile(`://[^/@\s"\\:]*:[^/@\s"\\]+@`)

// secretsGitOps end the names, in lower case, under which people write
// credentials into the values of a chart.
var secretsGitOps = []string{"password", "passwd", "token", "secretkey", "apikey", "privatekey"}

// redactGitOps takes out what people write into the objects of Argo CD and Flux
// and should not: passwords in the addresses of repositories, values of charts that are
// called like one, and local manifests with a Secret among them.
func redactGitOps(raw []byte) []byte {
	manifests := []string{"status", "operationState", "operation", "sync", "manifests"}
	withSecret := bytes.Contains(jsonscan.Get(raw, manifests...), []byte("Secret"))
	out, _ := jsonscan.Replace(raw, func(path []string, value []byte) []byte {
		name := strings.ToLower(path[len(path)-1])
		switch {
		case name == "manifests" && withSecret && strings.HasSuffix(strings.Join(path, "."), "operation.sync.manifests"):
			return []byte("[" + redacted + "]")
		case len(value) == 0 || value[0] != '"' || string(value) == redacted:
			return nil
		case endsWithAny(name, secretsGitOps) && len(value) > len(`""`):
			return []byte(redacted)
		case userInfo.Match(value):
			return userInfo.ReplaceAll(value, []byte("://redacted@"))
		}
		return nil
	})
	return out
}

func endsWithAny(s string, ends []string) bool {
	for _, end := range ends {
		if strings.HasSuffix(s, end) {
			return true
		}
	}
	return false
}

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
var secretsGitOps = []string{"password", "passwd", "token", "secretkey", "secretaccesskey", "clientsecret", "apikey", "privatekey"}

// documentsGitOps are the names of texts that hold a document: values of a chart,
// patches, and the whole object as somebody applied it.
var documentsGitOps = map[string]bool{
	"values": true, "patch": true, "kubectl.kubernetes.io/last-applied-configuration": true,
}

// redactGitOps takes out what people write into the objects of Argo CD and Flux
// and should not: passwords in the addresses of repositories, values of charts that are
// called like one, whether by their key or by a name beside them, documents in which
// there is one, and local manifests with a Secret among them.
func redactGitOps(raw []byte) []byte {
	manifests := []string{"status", "operationState", "operation", "sync", "manifests"}
	withSecret := bytes.Contains(jsonscan.Get(raw, manifests...), []byte("Secret"))
	named, of := "", 0 // the name that stood last, and how deep
	out, _ := jsonscan.Replace(raw, func(path []string, value []byte) []byte {
		name := strings.ToLower(path[len(path)-1])
		if name == "name" {
			named, of = strings.ToLower(jsonscan.Text(value)), len(path)
		}
		switch {
		case name == "manifests" && withSecret && strings.HasSuffix(strings.Join(path, "."), "operation.sync.manifests"):
			return []byte("[" + redacted + "]")
		case len(value) == 0 || value[0] != '"' || string(value) == redacted:
			return nil
		case endsWithAny(name, secretsGitOps) && len(value) > len(`""`):
			return []byte(redacted)
		case name == "value" && of == len(path) && endsWithAny(named, secretsGitOps): // {name: db.password, value: …}
			return []byte(redacted)
		case documentsGitOps[name] && holdsSecret(jsonscan.Text(value)):
			return []byte(redacted)
		case userInfo.Match(value):
			return userInfo.ReplaceAll(value, []byte("://redacted@"))
		}
		return nil
	})
	return out
}

func holdsSecret(document string) bool {
	document = joined.Replace(strings.ToLower(document))
	return containsAny(document, secretsGitOps) || strings.Contains(document, "stringdata")
}

var joined = strings.NewReplacer("_", "", "-", "")

// endsWithAny says whether a name ends with one of ends, whether its words are
// joined by _ and - or not.
func endsWithAny(s string, ends []string) bool {
	s = joined.Replace(s)
	for _, end := range ends {
		if strings.HasSuffix(s, end) {
			return true
		}
	}
	return false
}

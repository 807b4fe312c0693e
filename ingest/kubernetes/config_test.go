package kubernetes_test

import (
	"strings"
	"testing"

	"sidedoor/ingest"
	"sidedoor/ingest/ingesttest"
	"sidedoor/ingest/kubernetes"
	"sidedoor/ingest/objects"
)

func TestAConfigurationSaysOneWayAndWhoMaySend(t *testing.T) {
	for _, c := range []struct {
		name   string
		config kubernetes.Config
		want   string // in the error; empty: none
	}{
		{"nothing", kubernetes.Config{}, "exactly one of path"},
		{"two ways", kubernetes.Config{Path: "/k", TokenFile: "t", LogFile: "audit.log"}, "exactly one of path"},
		{"a webhook with a token", kubernetes.Config{Path: "/k", TokenFile: "t"}, ""},
		{"a webhook with a client CA", kubernetes.Config{Path: "/k", ClientCAFile: "c", ClientNames: []string{"a"}}, ""},
		{"a webhook with both", kubernetes.Config{Path: "/k", TokenFile: "t", ClientCAFile: "c"}, ""},
		{"a webhook that anybody may call", kubernetes.Config{Path: "/k"}, "token-file and client-ca-file are missing"},
		{"names that nobody signed", kubernetes.Config{Path: "/k", TokenFile: "t", ClientNames: []string{"a"}}, "client-names"},
		{"a path that is none", kubernetes.Config{Path: "k", TokenFile: "t"}, "does not begin with /"},
		{"a log file", kubernetes.Config{LogFile: "audit.log"}, ""},
		{"a log file with a token", kubernetes.Config{LogFile: "audit.log", TokenFile: "t"}, "token-file: belongs to path, not to log-file"},
		{"EKS", kubernetes.Config{EKS: &kubernetes.EKS{Config: objects.Config{Bucket: "logs"}, Cluster: "prod"}}, ""},
		{"EKS without a place", kubernetes.Config{EKS: &kubernetes.EKS{}}, "eks: queue and bucket are missing"},
		{"EKS with a cluster that is none", kubernetes.Config{EKS: &kubernetes.EKS{Config: objects.Config{Bucket: "logs"}, Cluster: "a/b"}}, "cluster:"},
		{"EKS with a token", kubernetes.Config{EKS: &kubernetes.EKS{Config: objects.Config{Bucket: "logs"}}, TokenFile: "t"}, "belongs to path, not to eks"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.config.Validate()
			if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestASecretThatIsAbsentIsAFaultAtTheStart(t *testing.T) {
	in := (&ingesttest.Recorder{}).Intake(ingest.Source{}, nil)
	for _, c := range []kubernetes.Config{{Path: "/k", TokenFile: "/absent"}, {Path: "/k", ClientCAFile: "/absent"}} {
		if _, err := c.Open(in); err == nil || !strings.Contains(err.Error(), "/absent") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

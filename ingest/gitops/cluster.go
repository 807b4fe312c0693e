package gitops

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"sidedoor/ingest"
)

// InCluster in place of a kubeconfig's path is the service account of the pod.
const InCluster = "in-cluster"

// Watch says which cluster's objects are watched.
type Watch struct {
	// Kubeconfig is the path of a file, or [InCluster].
	Kubeconfig string `yaml:"kubeconfig"`
	Context    string `yaml:"context"` // of the kubeconfig; default: its current one
	// Namespaces are those that are watched; default: all.
	Namespaces []string `yaml:"namespaces"`
	// History is what is taken of the syncs from before the first start: all that the
	// objects keep (default), or none.
	History History `yaml:"history"`
}

// History says how far back a source begins.
type History string

// The beginnings of a source.
const (
	AllHistory History = "all"
	FromStart  History = "from-start"
)

func (w *Watch) watches() bool { return w.Kubeconfig != "" }

func (w *Watch) validate() error {
	switch w.History {
	case "", AllHistory, FromStart:
	default:
		return fmt.Errorf("history: %q is none of %s, %s", w.History, AllHistory, FromStart)
	}
	if w.Kubeconfig == InCluster && w.Context != "" {
		return errors.New("context: in the cluster there is none; leave it out")
	}
	for i, ns := range w.Namespaces {
		if ns == "" || strings.ContainsAny(ns, "*/ ") {
			return fmt.Errorf("namespaces: %q is no namespace; leave namespaces out to watch all", ns)
		}
		if slices.Contains(w.Namespaces[:i], ns) {
			return fmt.Errorf("namespaces: %q stands twice", ns)
		}
	}
	return nil
}

// unused says what of the watch is set though there is none.
func (w *Watch) unused() error {
	if w.Context != "" || len(w.Namespaces) > 0 || w.History != "" {
		return errors.New("context, namespaces and history belong to kubeconfig; notifications come from wherever their sender watches")
	}
	return nil
}

func (w *Watch) resolve(path func(string) string) {
	if w.Kubeconfig != "" && w.Kubeconfig != InCluster {
		w.Kubeconfig = path(w.Kubeconfig)
	}
}

// open makes a source of objects of some kinds. It asks the cluster nothing.
func (w *Watch) open(in ingest.Intake, kinds ...*kind) (ingest.Running, error) {
	cfg, err := w.cluster()
	if err != nil {
		return ingest.Running{}, err
	}
	if cfg.Insecure {
		in.Log.Warn("the kubeconfig has the certificate of the cluster's API not checked", "source", in.Source.Name)
	}
	client, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return ingest.Running{}, fmt.Errorf("kubeconfig %s: %w", w.Kubeconfig, err)
	}
	s := newSource(in, w.History)
	namespaces := w.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{""}
	}
	for _, k := range kinds {
		resource := client.Resource(schema.GroupVersionResource{Group: k.group, Version: k.version, Resource: k.name})
		for _, ns := range namespaces {
			s.add(k, ns, resource.Namespace(ns))
		}
	}
	return ingest.Running{Run: s.run}, nil
}

// Bounds of what is asked of a cluster: a restart after an outage reads all
// objects, and nobody else should wait for that.
const (
	questionsPerSecond = 10
	questionsAtOnce    = 20
)

func (w *Watch) cluster() (*rest.Config, error) {
	var cfg *rest.Config
	var err error
	if w.Kubeconfig == InCluster {
		if cfg, err = rest.InClusterConfig(); err != nil {
			return nil, fmt.Errorf("kubeconfig: in-cluster: this is no pod with a service account: %w", err)
		}
	} else {
		loading := &clientcmd.ClientConfigLoadingRules{ExplicitPath: w.Kubeconfig}
		over := &clientcmd.ConfigOverrides{CurrentContext: w.Context}
		if cfg, err = clientcmd.NewNonInteractiveDeferredLoadingClientConfig(loading, over).ClientConfig(); err != nil {
			return nil, fmt.Errorf("kubeconfig %s: %w", w.Kubeconfig, err)
		}
	}
	cfg.UserAgent, cfg.WarningHandler = "sidedoor", rest.NoWarnings{}
	cfg.QPS, cfg.Burst = questionsPerSecond, questionsAtOnce
	return cfg, nil
}

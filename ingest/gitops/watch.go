package gitops

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cenkalti/backoff/v5"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

// watcher watches the objects of one kind, in one namespace or in all.
//
// It is no informer: an informer holds every object in memory, queues changes
// without bound while the stream is slow, and goes on when one could not be
// stored. Here a change is stored before the next is read, and the cluster waits.
type watcher struct {
	follower
	namespace string // empty: all
	client    dynamic.ResourceInterface
	alive     func(since time.Time) // all that occurred before since is stored

	resume   string    // version of the list to watch from; empty: list first
	absent   bool      // the cluster has no such kind
	unbroken time.Time // since when every change was seen
	proveAt  time.Time // when to list for the next proof
}

const (
	// page is how many objects are asked for at once, and so held in memory.
	page = 50
	// watchFor is how long a watch lasts before it is opened again.
	watchFor = 10 * time.Minute
	// silence is how long a watch says nothing before all is listed in its place.
	// The API server says every minute that there is nothing new, but of a kind of
	// which there was never anything it may not; or the connection is dead.
	silence = 90 * time.Second
	// lookAgain is when a kind is looked for again that the cluster did not have.
	lookAgain = time.Minute
)

// turn lists if it has to, and then watches until the watch ends.
func (w *watcher) turn(ctx context.Context) error {
	if w.places == nil {
		if err := w.begin(ctx); err != nil {
			return err
		}
	}
	if w.resume == "" {
		if err := w.list(ctx); err != nil || w.absent {
			return err
		}
	}
	err := w.watch(ctx)
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		w.resume, w.unbroken = "", time.Time{} // too much happened to say it one by one: history has it
		return nil
	}
	return err
}

// list takes in all objects as they are, and what became of those that are not
// there any more. Whatever was missed is news now.
func (w *watcher) list(ctx context.Context) error {
	since := w.in.Now()
	w.compared, w.silent = 0, false
	listed := map[string]bool{}
	version := ""
	for next := ""; ; {
		l, err := w.client.List(ctx, metav1.ListOptions{Limit: page, Continue: next})
		if err != nil {
			return w.explain("list", err)
		}
		w.absent = false
		raws := make([][]byte, 0, len(l.Items))
		for i := range l.Items {
			listed[string(l.Items[i].GetUID())] = true
			raw, err := l.Items[i].MarshalJSON()
			if err != nil {
				return fmt.Errorf("%s: %w", w.kind, err)
			}
			raws = append(raws, trim(raw))
		}
		if version == "" {
			version = l.GetResourceVersion()
		}
		if err := w.meet(ctx, raws...); err != nil {
			return err
		}
		if next = l.GetContinue(); next == "" {
			break
		}
	}
	if err := w.missed(ctx, listed); err != nil {
		return err
	}
	if w.resume = version; w.unbroken.IsZero() {
		w.unbroken = since
	}
	w.alive(since)
	return w.prove(ctx, since)
}

// watch takes in changes until the watch ends or a proof is due.
func (w *watcher) watch(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	seconds := int64(watchFor.Seconds())
	events, err := w.client.Watch(ctx, metav1.ListOptions{ResourceVersion: w.resume, AllowWatchBookmarks: true, TimeoutSeconds: &seconds})
	if err != nil {
		return w.explain("watch", err)
	}
	defer events.Stop()
	quiet := time.NewTimer(silence)
	defer quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-quiet.C:
			w.resume, w.unbroken = "", time.Time{}
			return nil
		case e, ok := <-events.ResultChan():
			if !ok {
				return nil
			}
			since := w.in.Now()
			if err := w.change(ctx, e); err != nil {
				return err
			}
			quiet.Reset(silence)
			w.alive(since)
			if !since.Before(w.proveAt) {
				w.resume = "" // compare all, for the proof
				return nil
			}
		}
	}
}

// change takes in what a watch says.
func (w *watcher) change(ctx context.Context, e watch.Event) error {
	if e.Type == watch.Error {
		return w.explain("watch", apierrors.FromObject(e.Object))
	}
	o, ok := e.Object.(*unstructured.Unstructured)
	if !ok {
		return fmt.Errorf("%s: the watch sent a %T", w.kind, e.Object)
	}
	if e.Type != watch.Bookmark {
		raw, err := o.MarshalJSON()
		if err != nil {
			return fmt.Errorf("%s: %w", w.kind, err)
		}
		if e.Type == watch.Deleted {
			err = w.gone(ctx, string(o.GetUID()), trim(raw))
		} else {
			err = w.meet(ctx, trim(raw))
		}
		if err != nil {
			return err
		}
	}
	w.resume = o.GetResourceVersion()
	return nil
}

// explain says what to do about what the API server refuses.
func (w *watcher) explain(verb string, err error) error {
	where := "in all namespaces"
	if w.namespace != "" {
		where = "in namespace " + w.namespace
	}
	switch {
	case apierrors.IsNotFound(err) && w.kind.optional && len(w.index.There) == 0:
		if !w.absent {
			w.in.Log.Info("the cluster has no such objects; it will be looked for them again", "source", w.in.Source.Name, "kind", w.kind.String())
		}
		w.absent, w.resume = true, ""
		w.alive(w.in.Now())
		return nil
	case apierrors.IsNotFound(err):
		return fmt.Errorf("the cluster does not know %s in version %s: is its custom resource definition installed, and not older?: %w", w.kind, w.kind.version, err)
	case apierrors.IsForbidden(err):
		return fmt.Errorf("%s %s: not permitted; give the account the verbs get, list and watch on %s of the API group %s %s, as deploy/gitops-rbac.yaml does: %w",
			verb, w.kind, w.kind.name, w.kind.group, where, err)
	case apierrors.IsUnauthorized(err):
		return fmt.Errorf("%s %s: the cluster does not accept the credentials of the kubeconfig: %w", verb, w.kind, err)
	}
	if seconds, asked := apierrors.SuggestsClientDelay(err); asked && seconds > 0 {
		return errors.Join(fmt.Errorf("%s %s %s: %w", verb, w.kind, where, err), backoff.RetryAfter(seconds))
	}
	return fmt.Errorf("%s %s %s: %w", verb, w.kind, where, err)
}

// trim takes off the line break that client-go writes behind an object.
func trim(raw []byte) []byte {
	if n := len(raw); n > 0 && raw[n-1] == '\n' {
		return raw[:n-1]
	}
	return raw
}

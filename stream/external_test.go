package stream_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"sidedoor/event"
	"sidedoor/stream"
)

// external starts a NATS server as somebody else would run it.
func external(t testing.TB, opts server.Options) *server.Server {
	t.Helper()
	opts.Host, opts.JetStream, opts.SyncAlways = "127.0.0.1", true, true
	opts.NoSigs, opts.NoLog = true, true
	if opts.MaxPayload == 0 {
		opts.MaxPayload = 16 << 20
	}
	srv, err := server.NewServer(&opts)
	must(t, err)
	srv.Start()
	t.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(patience) {
		t.Fatal("the server does not start")
	}
	return srv
}

func openExternal(t testing.TB, cfg stream.Config) *stream.Stream {
	t.Helper()
	s, err := stream.Open(within(t), cfg)
	must(t, err)
	t.Cleanup(func() { shut(t, s) })
	return s
}

// pipeline runs the stages on s. Every act has a timer, due long ago.
func pipeline(t testing.TB, s *stream.Stream) (stop func()) {
	stops := []func(){
		background(t, func(ctx context.Context) error { return s.Match(ctx, 2, matchAll) }),
		background(t, func(ctx context.Context) error {
			return s.Judge(ctx, &chain{timer: func(event.Match) time.Time { return received }}, 5)
		}),
	}
	return func() {
		for _, stop := range stops {
			stop()
		}
	}
}

func TestAnExternalServerServesAsWell(t *testing.T) {
	srv := external(t, server.Options{Port: server.RANDOM_PORT, StoreDir: t.TempDir()})
	cfg := config(t, t.TempDir())
	cfg.URL = srv.ClientURL()
	s := openExternal(t, cfg)
	joined, err := stream.Attach(within(t), cfg)
	must(t, err)
	t.Cleanup(func() { shut(t, joined) })
	if !s.Owner() || joined.Owner() {
		t.Errorf("owner: the first %v, the second %v", s.Owner(), joined.Owner())
	}
	must(t, s.PublishBatch(within(t), batch("trail", "1")))
	must(t, s.PublishMark(within(t), event.Mark{Source: "trail", Through: received}))
	pipeline(t, joined)
	eventually(t, "records of act, mark and timer", func() bool { return position(t, s, "RECORDS").Last == 3 })

	cfg.Dir, cfg.MaxPayload = t.TempDir(), 17<<20
	if _, err := stream.Open(within(t), cfg); err == nil || !strings.Contains(err.Error(), "max_payload") {
		t.Errorf("a server that takes less than is needed: %v", err)
	}
}

func TestTheStagesGoOnWhenTheServerComesBack(t *testing.T) {
	store := t.TempDir()
	srv := external(t, server.Options{Port: server.RANDOM_PORT, StoreDir: store})
	cfg := config(t, t.TempDir())
	cfg.URL = srv.ClientURL()
	s := openExternal(t, cfg)
	stop := pipeline(t, s)
	alerts := make(attempts, 10)
	background(t, func(ctx context.Context) error {
		return s.Deliver(ctx, "slack", func(_ context.Context, raw []byte, attempt int) (time.Duration, error) {
			alerts.note(raw, attempt)
			return 0, nil
		})
	})
	var followed sync.Map
	background(t, func(ctx context.Context) error {
		return s.Records(ctx, 0, func(seq uint64, _ []byte) error { followed.Store(seq, true); return nil })
	})
	must(t, s.PublishBatch(within(t), batch("trail", "1")))
	alert(t, s, "a")
	alerts.expect(t, "a 1")
	eventually(t, "records of alert, act and timer", func() bool { _, ok := followed.Load(uint64(3)); return ok })

	u, err := url.Parse(srv.ClientURL())
	must(t, err)
	var port int
	must(t, scan(u.Port(), &port))
	srv.Shutdown()
	srv.WaitForShutdown()
	eventually(t, "the loss of the server", func() bool { return s.Healthy() != nil })
	external(t, server.Options{Port: port, StoreDir: store})
	eventually(t, "the server", func() bool { return s.Healthy() == nil })

	must(t, s.PublishBatch(within(t), batch("trail", "2")))
	alert(t, s, "b")
	alerts.expect(t, "b 1")
	eventually(t, "three more records", func() bool { _, ok := followed.Load(uint64(6)); return ok })
	stop() // while the server is there
}

// cluster starts three servers and returns the URL of the first.
func cluster(t testing.TB) string {
	var routes []*url.URL
	var ports []int
	for range 3 {
		l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
		must(t, err)
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
		routes = append(routes, &url.URL{Scheme: "nats-route", Host: l.Addr().String()})
		must(t, l.Close())
	}
	var servers []*server.Server
	for i, port := range ports {
		servers = append(servers, external(t, server.Options{
			ServerName: fmt.Sprint("n", i), Port: server.RANDOM_PORT, StoreDir: t.TempDir(), Routes: routes,
			Cluster: server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: port},
		}))
	}
	eventually(t, "a leader", func() bool {
		return slices.ContainsFunc(servers, func(s *server.Server) bool { return s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == 3 })
	})
	return servers[0].ClientURL()
}

func TestAClusterKeepsThreeReplicasAndEverythingStillHappensOnce(t *testing.T) {
	cfg := config(t, t.TempDir())
	cfg.URL, cfg.Replicas = cluster(t), 3
	s := openExternal(t, cfg)
	pipeline(t, s)

	var all sync.WaitGroup
	for range 8 { // at the same time, so that a message meets itself on its way
		all.Go(func() {
			for i := range 20 {
				if err := s.PublishBatch(within(t), batch("trail", fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if batches, repeats := arrived(t, s); batches != 20 || repeats != 140 {
		t.Errorf("%d batches and %d repeats are stored, want 20 and 140", batches, repeats)
	}
	must(t, s.PublishMark(within(t), event.Mark{Source: "trail", Through: received}))
	eventually(t, "records of acts, timers and mark", func() bool { return position(t, s, "RECORDS").Last == 41 })
	if got := records(t, s); !slices.Equal(got, offline(t, s, &chain{})) {
		t.Error("the records are not those of the inputs")
	}
}

package ingest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/cloudtrail"
	"sidedoor/ingest/ingesttest"
	"sidedoor/ingest/kubernetes"
	"sidedoor/stream"
)

// What ingest is held to; make bench fails below it. bareBound is the share of the
// rate of a bare loop that publishes the same events. batchBound is the share of
// one that knows beforehand which bytes our batches will have, and publishes these:
// all that is left to it is the stream itself, so this tells what reading, checking
// and naming each event costs.
const (
	bareBound  = 0.6
	batchBound = 0.15
)

// bare is a JetStream stream as Sidedoor's EVENTS is, and nothing else.
type bare struct {
	js jetstream.JetStream
	n  int
}

func newBare(b *testing.B) *bare {
	b.Helper()
	srv, err := server.NewServer(&server.Options{
		DontListen: true, NoSigs: true, JetStream: true, StoreDir: b.TempDir(), SyncAlways: true,
		MaxPayload: 16 << 20, MaxPending: 64 << 20,
	})
	must(b, err)
	srv.Start()
	b.Cleanup(func() { srv.Shutdown(); srv.WaitForShutdown() })
	if !srv.ReadyForConnections(10 * time.Second) {
		b.Fatal("the server does not start")
	}
	conn, err := nats.Connect("", nats.InProcessServer(srv))
	must(b, err)
	b.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	must(b, err)
	_, err = js.CreateStream(b.Context(), jetstream.StreamConfig{Name: "BARE", Subjects: []string{"bare.>"}, Storage: jetstream.FileStorage})
	must(b, err)
	return &bare{js: js}
}

func (l *bare) publish(b *testing.B, payload []byte) {
	l.n++
	_, err := l.js.Publish(b.Context(), fmt.Sprint("bare.", l.n), payload)
	must(b, err)
}

// publishEach publishes events, one message each, as fast as a loop can: none
// waits for the one before.
func (l *bare) publishEach(b *testing.B, events []event.Event) {
	for _, e := range events {
		l.n++
		_, err := l.js.PublishAsync(fmt.Sprint("bare.", l.n), e.Raw)
		must(b, err)
	}
	<-l.js.PublishAsyncComplete()
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// sideBySide is how long two ways of the same took, turn by turn, on one core.
type sideBySide struct {
	ours, bare, batch []time.Duration
	events            int // of a turn
}

// report compares the tenth of the turns that were fastest: what else runs on the
// machine made the others longer, and the longer way more so.
func (s *sideBySide) report(b *testing.B) {
	ours, bare, batch := fastest(s.ours), fastest(s.bare), fastest(s.batch)
	b.ReportMetric(float64(s.events)/ours.Seconds(), "events/s")
	b.ReportMetric(float64(s.events)/bare.Seconds(), "bare-events/s")
	b.ReportMetric(bare.Seconds()/ours.Seconds(), "x-bare")
	b.ReportMetric(bareBound, "x-bare-bound")
	b.ReportMetric(batch.Seconds()/ours.Seconds(), "x-batch")
	b.ReportMetric(batchBound, "x-batch-bound")
}

func fastest(turns []time.Duration) (mean time.Duration) {
	slices.Sort(turns)
	n := (len(turns) + 9) / 10
	for _, t := range turns[:n] {
		mean += t / time.Duration(n)
	}
	return mean
}

func timed(took *[]time.Duration, f func()) {
	start := time.Now()
	f()
	*took = append(*took, time.Since(start))
}

func oneCore(b *testing.B) {
	before := runtime.GOMAXPROCS(1)
	b.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

// open opens a stream, as the monitor does.
func open(tb testing.TB) *stream.Stream {
	tb.Helper()
	s, err := stream.Open(tb.Context(), stream.Config{Dir: tb.TempDir()})
	must(tb, err)
	tb.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

func streamIntake(s *stream.Stream, sink ingest.Sink, src ingest.Source) ingest.Intake {
	return ingest.Intake{
		Source: src, Sink: sink, Bookmarks: s, Coverage: ingest.NewCoverage(src, sink, time.Now), Metrics: metrics(),
		Gate: ingest.NewGate(0), Now: time.Now, Log: ingesttest.Log(),
	}
}

// BenchmarkKubernetesWebhook goes from a batch of an API server, posted over
// HTTP, to its acknowledgement, in turns with the bare loop.
func BenchmarkKubernetesWebhook(b *testing.B) {
	for _, events := range []int{100, 400} {
		b.Run(fmt.Sprint(events), func(b *testing.B) {
			oneCore(b)
			s, loop := open(b), newBare(b)
			kind := &kubernetes.Config{Path: "/k", TokenFile: ingesttest.Secret(b, token)}
			running, err := kind.Open(streamIntake(s, s, ingesttest.Source(kind, "cluster", "prod")))
			must(b, err)
			srv := httptest.NewServer(running.Handler)
			b.Cleanup(srv.Close)
			took := sideBySide{events: events}
			round := 0
			for b.Loop() {
				round++
				body := auditList(round, events)
				var sent event.Batch
				for i, raw := range auditEvents(round, events) {
					sent.Events = append(sent.Events, event.Event{ID: fmt.Sprint(i), Index: i, Occurred: received, Raw: raw})
				}
				payload := sent.Payload()
				timed(&took.batch, func() { loop.publish(b, payload) })
				timed(&took.ours, func() { postTo(b, srv.URL, body) })
				timed(&took.bare, func() { loop.publishEach(b, sent.Events) })
			}
			took.report(b)
		})
	}
}

func postTo(b *testing.B, url string, body []byte) {
	req, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url, bytes.NewReader(body))
	must(b, err)
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	must(b, err)
	answer, _ := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		b.Fatalf("%s %s", resp.Status, answer)
	}
}

// counting counts what is stored.
type counting struct {
	ingest.Sink
	mu      sync.Mutex
	left    int
	done    chan struct{}
	batches []event.Batch
}

// PublishBatch implements [ingest.Sink].
func (c *counting) PublishBatch(ctx context.Context, batch event.Batch) error {
	if err := c.Sink.PublishBatch(ctx, batch); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.batches = append(c.batches, batch)
	if c.left -= len(batch.Events); c.left == 0 {
		close(c.done)
	}
	return nil
}

// BenchmarkCloudTrailFolder goes from log files in a folder, gzip as CloudTrail
// writes them, to the last event on the stream, bookmarks included, in turns with
// the bare loop.
func BenchmarkCloudTrailFolder(b *testing.B) {
	const files, records = 10, 1000
	oneCore(b)
	took := sideBySide{events: files * records}
	round := 0
	for b.Loop() {
		b.StopTimer()
		s, loop, dir := open(b), newBare(b), b.TempDir()
		for i := range files {
			writeLog(b, filepath.Join(dir, fmt.Sprintf("111122223333_CloudTrail_eu-west-1_20261116T0900Z_%d.json.gz", i)), round*files+i, records)
		}
		kind := &cloudtrail.Config{Folder: dir}
		sink := &counting{Sink: s, left: files * records, done: make(chan struct{})}
		running, err := kind.Open(streamIntake(s, sink, ingesttest.Source(kind, "trail", "")))
		must(b, err)
		ctx, stop := context.WithCancel(b.Context())
		ended := make(chan error, 1)
		b.StartTimer()
		timed(&took.ours, func() {
			go func() { ended <- running.Run(ctx) }()
			<-sink.done
		})
		stop()
		must(b, <-ended)
		var payloads [][]byte
		for _, batch := range sink.batches {
			payloads = append(payloads, batch.Payload())
		}
		timed(&took.batch, func() {
			for _, p := range payloads {
				loop.publish(b, p)
			}
		})
		timed(&took.bare, func() {
			for _, batch := range sink.batches {
				loop.publishEach(b, batch.Events)
			}
		})
		round++
	}
	took.report(b)
}

func writeLog(b *testing.B, path string, file, records int) {
	b.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = io.WriteString(z, `{"Records":[`)
	for i := range records {
		if i > 0 {
			_, _ = io.WriteString(z, ",")
		}
		_, _ = io.WriteString(z, strings.ReplaceAll(trailRecord, "NUMBER", fmt.Sprintf("%08d-%04d", file, i)))
	}
	_, _ = io.WriteString(z, `]}`)
	must(b, z.Close())
	must(b, os.WriteFile(path, out.Bytes(), 0o600))
}

func auditList(round, events int) []byte {
	return fmt.Appendf(nil, `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[%s]}`, bytes.Join(auditEvents(round, events), []byte(",")))
}

// auditEvents are as the API server makes them: most are reads, without a body,
// and every fifth is a write with what was written.
func auditEvents(round, events int) (all [][]byte) {
	for i := range events {
		template := auditRead
		if i%5 == 0 {
			template = auditWrite
		}
		all = append(all, []byte(strings.ReplaceAll(template, "NUMBER", fmt.Sprintf("%08d-%04d", round, i))))
	}
	return all
}

const auditRead = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"9d4f1c1e-NUMBER-4d0c-b3c5-5a3d0f6f7a10","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/pods?fieldManager=controller\u0026limit=500\u0026resourceVersion=0","verb":"list","user":{"username":"system:serviceaccount:monitoring:kube-state-metrics","uid":"0b9f2b64-5d54-4fd5-9d27-0f3c3b5ce1cc","groups":["system:serviceaccounts","system:serviceaccounts:monitoring","system:authenticated"],"extra":{"authentication.kubernetes.io/credential-id":["JTI=4d5a0c1e-93b3-4a7b-a1ce-2f3ec44a9d6e"],"authentication.kubernetes.io/node-name":["ip-10-0-3-41.eu-west-1.compute.internal"],"authentication.kubernetes.io/pod-name":["kube-state-metrics-6d4b5d9f7b-x2x8k"]}},"sourceIPs":["10.0.3.41"],"userAgent":"kube-state-metrics/v2.13.0 (linux/amd64) kube-state-metrics/cbe2cb3","objectRef":{"resource":"pods","namespace":"shop","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":200},"requestReceivedTimestamp":"2026-11-16T09:00:00.123456Z","stageTimestamp":"2026-11-16T09:00:00.134567Z","annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"RBAC: allowed by ClusterRoleBinding \"kube-state-metrics\" of ClusterRole \"kube-state-metrics\" to ServiceAccount \"kube-state-metrics/monitoring\""}}`

const auditWrite = `{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"5b7e22aa-NUMBER-4b1b-8f0e-7d1c0c9a2b77","stage":"ResponseComplete","requestURI":"/apis/apps/v1/namespaces/shop/deployments/checkout?fieldManager=kubectl-client-side-apply\u0026fieldValidation=Strict","verb":"patch","user":{"username":"alice@acme.example","groups":["platform","system:authenticated"],"extra":{"arn":["arn:aws:sts::111122223333:assumed-role/Admin/alice"],"sessionName":["alice"]}},"sourceIPs":["203.0.113.7","10.0.0.12"],"userAgent":"kubectl/v1.31.2 (darwin/arm64) kubernetes/5864a46","objectRef":{"resource":"deployments","namespace":"shop","name":"checkout","apiGroup":"apps","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":200},"requestObject":{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"annotations":{"deployment.kubernetes.io/revision":"41","kubectl.kubernetes.io/last-applied-configuration":"{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"annotations\":{},\"name\":\"checkout\",\"namespace\":\"shop\"}}\n"},"labels":{"app":"checkout","team":"payments"},"name":"checkout","namespace":"shop"},"spec":{"progressDeadlineSeconds":600,"replicas":3,"revisionHistoryLimit":10,"selector":{"matchLabels":{"app":"checkout"}},"strategy":{"rollingUpdate":{"maxSurge":"25%","maxUnavailable":"25%"},"type":"RollingUpdate"},"template":{"metadata":{"labels":{"app":"checkout","team":"payments"}},"spec":{"containers":[{"env":[{"name":"LOG_LEVEL","value":"info"},{"name":"DB_HOST","value":"db.shop.svc"},{"name":"DB_PASSWORD","valueFrom":{"secretKeyRef":{"key":"password","name":"db"}}}],"image":"registry.acme.example/checkout@sha256:0b1c7f5a6d0c8f0f7d9d5c9e1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d","imagePullPolicy":"IfNotPresent","livenessProbe":{"failureThreshold":3,"httpGet":{"path":"/healthz","port":8080,"scheme":"HTTP"},"periodSeconds":10},"name":"checkout","ports":[{"containerPort":8080,"protocol":"TCP"}],"resources":{"limits":{"cpu":"1","memory":"512Mi"},"requests":{"cpu":"250m","memory":"256Mi"}},"securityContext":{"allowPrivilegeEscalation":false,"readOnlyRootFilesystem":true,"runAsNonRoot":true}}],"dnsPolicy":"ClusterFirst","restartPolicy":"Always","serviceAccountName":"checkout","terminationGracePeriodSeconds":30}}}},"requestReceivedTimestamp":"2026-11-16T09:00:01.123456Z","stageTimestamp":"2026-11-16T09:00:01.155567Z","annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"RBAC: allowed by RoleBinding \"platform/shop\" of ClusterRole \"edit\" to Group \"platform\""}}`

const trailRecord = `{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLEEXAMPLE:alice","arn":"arn:aws:sts::111122223333:assumed-role/Admin/alice","accountId":"111122223333","accessKeyId":"ASIAEXAMPLEEXAMPLE","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLEEXAMPLE","arn":"arn:aws:iam::111122223333:role/Admin","accountId":"111122223333","userName":"Admin"},"attributes":{"creationDate":"2026-11-16T08:41:10Z","mfaAuthenticated":"true"}}},"eventTime":"2026-11-16T09:00:00Z","eventSource":"ec2.amazonaws.com","eventName":"AuthorizeSecurityGroupIngress","awsRegion":"eu-west-1","sourceIPAddress":"203.0.113.7","userAgent":"aws-cli/2.18.0 md/awscrt#0.22.0 ua/2.0 os/macos#24.1.0 md/arch#arm64 lang/python#3.12.6 md/pyimpl#CPython cfg/retry-mode#standard md/prompt#off md/command#ec2.authorize-security-group-ingress","requestParameters":{"groupId":"sg-0a1b2c3d4e5f60718","ipPermissions":{"items":[{"ipProtocol":"tcp","fromPort":22,"toPort":22,"groups":{},"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0","description":"temporary"}]},"ipv6Ranges":{},"prefixListIds":{}}]}},"responseElements":{"requestId":"f2a5c1d3-NUMBER-4a9f-9d6e-1f2e3d4c5b6a","_return":true,"securityGroupRuleSet":{"items":[{"groupOwnerId":"111122223333","groupId":"sg-0a1b2c3d4e5f60718","securityGroupRuleId":"sgr-0f9e8d7c6b5a43210","isEgress":false,"ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIpv4":"0.0.0.0/0"}]}},"requestID":"f2a5c1d3-NUMBER-4a9f-9d6e-1f2e3d4c5b6a","eventID":"0c9b8a7f-NUMBER-4e3d-8c2b-1a0f9e8d7c6b","readOnly":false,"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333","eventCategory":"Management","tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"ec2.eu-west-1.amazonaws.com"}}`

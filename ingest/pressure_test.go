package ingest_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/ingesttest"
	"sidedoor/stream"
)

func zipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, text)
	_ = z.Close()
	return b.Bytes()
}

func TestABodyIsInflatedWithinItsBounds(t *testing.T) {
	broken := zipped("hello")
	broken = broken[:len(broken)-3]
	for _, c := range []struct {
		name, encoding string
		body           []byte
		status         int
		cause          string
	}{
		{"gzip", "gzip", zipped("hello"), 202, ""},
		{"x-gzip", "X-Gzip", zipped("hello"), 202, ""},
		{"as it is", "identity", []byte("hello"), 202, ""},
		{"two in one", "gzip", append(zipped("hel"), zipped("lo")...), 202, ""},
		{"a bomb", "gzip", zipped(strings.Repeat("x", 10<<20)), 413, "oversized"},
		{"cut short", "gzip", broken, 400, "malformed"},
		{"no gzip", "gzip", []byte("hello"), 400, "malformed"},
		{"something behind it", "gzip", append(zipped("hello"), "rest"...), 400, "malformed"},
		{"nothing", "gzip", nil, 400, "malformed"},
		{"another", "br", []byte("hello"), 415, "malformed"},
		{"twice", "gzip, gzip", zipped(string(zipped("hello"))), 415, "malformed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			sink := &ingesttest.Recorder{}
			r := receiver(sink, coverage(sink))
			r.Gate = ingest.NewGate(0)
			req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(c.body))
			req.Header.Set("Authorization", "Bearer "+token)
			req.Header.Set("Content-Encoding", c.encoding)
			w := httptest.NewRecorder()
			r.ServeHTTP(w, req)
			if w.Code != c.status {
				t.Errorf("%d %s, want %d", w.Code, w.Body, c.status)
			}
			if c.cause == "" {
				if e := sink.Events(); len(e) != 1 || string(e[0].Raw) != "hello" {
					t.Errorf("stored %v", e)
				}
			} else if d := sink.Dead(); len(d) != 1 || d[0].Cause != c.cause {
				t.Errorf("dead letters %+v", d)
			}
			if now, most := r.Gate.Used(); now != 0 || most == 0 || most > 200_000 {
				t.Errorf("memory: %d at the end, %d at the most", now, most)
			}
		})
	}
}

func TestAParserThatPanicsMakesADeadLetter(t *testing.T) {
	sink := &ingesttest.Recorder{}
	r := receiver(sink, coverage(sink))
	r.Parse = func(d ingest.Delivery) ([]event.Event, []event.Dead, error) {
		return []event.Event{{Raw: d.Body[9:]}}, nil, nil
	}
	w := post(t, r, strings.NewReader("hello"), "Bearer "+token)
	if d := sink.Dead(); w.Code != http.StatusBadRequest || len(d) != 1 || d[0].Cause != "parser-failed" || string(d[0].Raw) != "hello" {
		t.Errorf("%d %s, %+v", w.Code, w.Body, d)
	}
}

func TestAFullStreamIsTheSendersToWaitFor(t *testing.T) {
	sink := &ingesttest.Recorder{}
	sink.FailWith(fmt.Errorf("events.batch.prod: %w", stream.ErrFull))
	w := post(t, receiver(sink, coverage(sink)), strings.NewReader("hello"), "Bearer "+token)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "30" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

// held is a receiver whose deliveries are being stored until release is called.
type held struct {
	*ingest.Receiver
	sink    *ingesttest.Recorder
	release func()
}

func hold(source string, gate *ingest.Gate, maxBody int64) held {
	sink := &ingesttest.Recorder{}
	r := receiver(sink, coverage(sink))
	r.Source.Name, r.Gate, r.MaxBody = source, gate, maxBody
	wait := make(chan struct{})
	parse := r.Parse
	r.Parse = func(d ingest.Delivery) ([]event.Event, []event.Dead, error) {
		<-wait
		return parse(d)
	}
	return held{r, sink, sync.OnceFunc(func() { close(wait) })}
}

func TestANoisySourceIsAskedToWaitAndStarvesNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := ingest.NewGate(ingest.MinMemory)
		noisy, quiet := hold("noisy", gate, 1<<20), hold("quiet", gate, 1<<20)
		body := strings.Repeat("x", 1<<20)
		var all sync.WaitGroup
		var taken, later atomic.Int64
		for range 50 {
			all.Go(func() {
				switch w := post(t, noisy, strings.NewReader(body), "Bearer "+token); w.Code {
				case http.StatusAccepted:
					taken.Add(1)
				case http.StatusTooManyRequests:
					if w.Header().Get("Retry-After") == "" {
						t.Error("it is not said when to come again")
					}
					later.Add(1)
				default:
					t.Errorf("%d %s", w.Code, w.Body)
				}
			})
		}
		time.Sleep(time.Minute)
		if n := later.Load(); n < 40 {
			t.Errorf("%d of 50 are asked to come again", n)
		}
		quiet.release()
		if w := post(t, quiet, strings.NewReader(body), "Bearer "+token); w.Code != http.StatusAccepted {
			t.Errorf("another source: %d %s", w.Code, w.Body)
		}
		noisy.release()
		all.Wait()
		if taken.Load()+later.Load() != 50 || len(noisy.sink.Batches()) == 0 {
			t.Errorf("%d are taken, and %d are to come again", taken.Load(), later.Load())
		}
		if now, most := gate.Used(); now != 0 || most > ingest.MinMemory {
			t.Errorf("memory: %d at the end, %d at the most", now, most)
		}
		if w := post(t, noisy, strings.NewReader(body), "Bearer "+token); w.Code != http.StatusAccepted {
			t.Errorf("afterwards: %d", w.Code)
		}
	})
}

// What is turned away is missing until its sender has repeated it.
func TestADeliveryForWhichThereIsNoMemoryHoldsCoverageBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &ingesttest.Recorder{}
		c := ingest.NewCoverage(source(ingest.Clock), sink, time.Now)
		go c.Run(t.Context())
		gate := ingest.NewGate(ingest.MinMemory)
		h := hold("prod", gate, 4<<20)
		body := strings.Repeat("x", 4<<20)
		go post(t, h, strings.NewReader(body), "Bearer "+token)
		synctest.Wait()
		r := receiver(sink, c)
		r.Gate, r.MaxBody, r.Now = gate, 4<<20, time.Now
		if w := post(t, r, strings.NewReader(body), "Bearer "+token); w.Code != http.StatusTooManyRequests {
			t.Fatalf("%d", w.Code)
		}
		failed := time.Now()
		time.Sleep(time.Hour)
		if through := sink.Through(); through[len(through)-1].After(failed) {
			t.Errorf("it is complete up to %v, beyond what was turned away at %v", through[len(through)-1], failed)
		}
		h.release()
		synctest.Wait()
	})
}

// signed makes a receiver that knows its senders only when all is read.
func signed(r *ingest.Receiver) *ingest.Receiver {
	r.Knows = func(*http.Request) error { return nil }
	r.Authentic = func(h http.Header, _ []byte) error {
		if h.Get("Authorization") != "Bearer "+token {
			return errors.New("the signature is wrong")
		}
		return nil
	}
	return r
}

// served is a receiver behind a real server.
func served(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// begin opens a delivery of which only a part comes.
func begin(t *testing.T, addr, part string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", 100<<20, part)
	return c
}

func TestStrangersWhoHoldMemoryGiveWayToThoseWhoAreDoneInAMoment(t *testing.T) {
	sink := &ingesttest.Recorder{}
	gate := ingest.NewGate(ingest.MinMemory)
	r := signed(receiver(sink, coverage(sink)))
	r.Gate, r.MaxBody = gate, 100<<20
	addr := served(t, r)
	for range 20 { // each would have a megabyte and more, and the strangers have four
		begin(t, addr, strings.Repeat("x", 700<<10))
	}
	for range 20 {
		req, _ := http.NewRequest(http.MethodPost, "http://"+addr, strings.NewReader("hello"+strings.Repeat("x", 300<<10)))
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusAccepted {
			t.Errorf("%s", resp.Status)
		}
	}
	if _, most := gate.Used(); most > ingest.MinMemory/2 {
		t.Errorf("%d bytes at the most", most)
	}
	if len(sink.Dead()) > 0 {
		t.Errorf("dead letters %v", sink.Dead()[0].Reason)
	}
}

func TestABodyThatComesTooSlowlyIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &ingesttest.Recorder{}
		r := receiver(sink, coverage(sink))
		client, server := net.Pipe()
		l := &oneConn{conn: server, done: make(chan struct{})}
		srv := &http.Server{Handler: r}
		go srv.Serve(l)
		var sending sync.WaitGroup
		sending.Go(func() {
			fmt.Fprintf(client, "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 9000\r\n\r\n", token)
			for range 9000 { // a byte a second, for ever
				if _, err := client.Write([]byte("x")); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		})
		start := time.Now()
		answer, _ := io.ReadAll(client)
		if !strings.HasPrefix(string(answer), "HTTP/1.1 408") || time.Since(start) > 30*time.Second {
			t.Errorf("after %v: %.100s", time.Since(start), answer)
		}
		srv.Close()
		client.Close()
		sending.Wait()
		if len(sink.Dead())+len(sink.Batches()) > 0 {
			t.Error("it is kept")
		}
	})
}

// oneConn is a listener with one connection.
type oneConn struct {
	mu   sync.Mutex
	conn net.Conn
	done chan struct{}
	once sync.Once
}

func (l *oneConn) Accept() (net.Conn, error) {
	l.mu.Lock()
	c := l.conn
	l.conn = nil
	l.mu.Unlock()
	if c != nil {
		return c, nil
	}
	<-l.done
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

func TestOfManyStrangersOnlySomeAreKept(t *testing.T) {
	for _, make := range []func(*ingest.Receiver) *ingest.Receiver{signed, func(r *ingest.Receiver) *ingest.Receiver { return r }} {
		sink := &ingesttest.Recorder{}
		r := make(receiver(sink, coverage(sink)))
		r.Gate = ingest.NewGate(0)
		statuses := map[int]int{}
		for range 1000 {
			statuses[post(t, r, strings.NewReader("hello"), "Bearer wrong").Code]++
		}
		if statuses[401] != 100 || statuses[429] != 900 || len(sink.Dead()) != 100 {
			t.Errorf("%v, %d dead letters", statuses, len(sink.Dead()))
		}
		if w := post(t, r, strings.NewReader("hello"), "Bearer "+token); w.Code != http.StatusAccepted {
			t.Errorf("somebody authentic: %d", w.Code)
		}
	}
}

func TestADeliveryOfCountlessItemsTakesNoMoreThanItHasTo(t *testing.T) {
	identify := func(raw []byte) (event.Event, error) {
		if string(raw) == "1" {
			return event.Event{Raw: raw}, nil
		}
		return event.Event{}, errors.New("this is no event")
	}
	d := ingest.Delivery{Envelope: envelope()}
	events, dead, err := d.Items([]byte("[1"+strings.Repeat(",0", 40_000)+",1]"), identify)
	if err != nil || len(events) != 2 || events[1].Index != 40_001 || len(dead) != 100 {
		t.Fatalf("%d events, %d dead letters, %v", len(events), len(dead), err)
	}
	last := dead[99]
	if !strings.Contains(last.Reason, "39900 more") || len(last.Raw) < event.MaxDead || len(last.Raw) > event.MaxDead+10 {
		t.Errorf("the last letter: %s, %d bytes", last.Reason, len(last.Raw))
	}
	if _, _, err := d.Items([]byte("["+strings.Repeat("1,", 60_000)+"1]"), identify); err == nil {
		t.Error("60,000 items are taken")
	}
}

package main

import (
	"bytes"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"
)

func TestOneConnectionTooManyWaitsForAnotherToEnd(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	few := bounded(l, 2)
	accepted := make(chan net.Conn)
	ended := make(chan error)
	go func() {
		for {
			c, err := few.Accept()
			if err != nil {
				ended <- err
				return
			}
			accepted <- c
		}
	}()
	for range 3 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
	}
	first := <-accepted
	<-accepted
	select {
	case <-accepted:
		t.Error("a third is accepted")
	case <-time.After(50 * time.Millisecond):
	}
	first.Close()
	first.Close() // twice is once
	<-accepted
	few.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("%v", err)
	}
}

func TestASizeIsReadWithItsUnit(t *testing.T) {
	for text, want := range map[string]size{
		"256MiB": 256 << 20, "4GiB": 4 << 30, "1 KiB": 1 << 10, "2TiB": 2 << 40,
		"": 0, "256": 0, "256MB": 0, "-1MiB": 0, "0MiB": 0, "1.5GiB": 0, "99999999999TiB": 0,
	} {
		var got size
		err := got.UnmarshalText([]byte(text))
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v", text, got, err)
		}
		if want > 0 && err == nil {
			var again size
			if err := again.UnmarshalText([]byte(got.String())); err != nil || again != got {
				t.Errorf("%q is written %s: %v", text, got, err)
			}
		}
	}
}

func TestWhoeverBreaksHandshakesDoesNotFillTheLog(t *testing.T) {
	var said bytes.Buffer
	log := serverLog(slog.New(slog.NewTextHandler(&said, nil)))
	log.Printf("http: TLS handshake error from %s: EOF", "192.0.2.1:1234")
	if said.Len() > 0 {
		t.Errorf("it says %s", said.String())
	}
	log.Printf("http: panic serving")
	if !strings.Contains(said.String(), "http: panic serving") {
		t.Errorf("it says %q", said.String())
	}
}

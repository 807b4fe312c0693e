package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

type listenCmd struct {
	Address string `help:"Where to listen, on this machine only." default:"127.0.0.1:8322"`
}

// Help says what the one-line help cannot.
func (listenCmd) Help() string {
	return `Takes what a receiver would be sent, and prints it, one message a line: Slack's incoming
webhook on /slack, everything else as JSON. It checks no signature and is for trying out.`
}

// maxMessage bounds a message that is printed.
const maxMessage = 1 << 20

func (c *listenCmd) Run(ctx context.Context, e *edges) error {
	host, _, err := net.SplitHostPort(c.Address)
	if ip := net.ParseIP(host); err != nil || (host != "localhost" && (ip == nil || !ip.IsLoopback())) {
		return exit{exitUsage, fmt.Errorf("listen: %q is not an address of this machine such as 127.0.0.1:8322", c.Address)}
	}
	var mu sync.Mutex
	server := &http.Server{
		Addr: c.Address, ReadHeaderTimeout: 5 * time.Second,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(e.out, "%s %s\n", r.URL.Path, printable(summary(body)))
			fmt.Fprint(w, "ok")
		}),
	}
	go func() {
		<-ctx.Done()
		_ = server.Close() // it is to end
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// summary is a Slack message's text, or the body as it is.
func summary(body []byte) string {
	var slack struct {
		Text string `json:"text"`
	}
	if json.Unmarshal(body, &slack) == nil && slack.Text != "" {
		return slack.Text
	}
	return string(body)
}

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"sidedoor/ingest/ingesttest"
)

// The API server sends its token over TLS only, so the receiver has to serve
// it.
func TestTheAuditWebhookIsReceivedOverTLS(t *testing.T) {
	s := newSite(t)
	roots := s.certificate()
	config := s.read("sidedoor.yaml") + "tls: {cert-file: cert.pem, key-file: key.pem}\n"
	s.write("sidedoor.yaml", config)
	s.start()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
	deadline := time.Now().Add(30 * time.Second)
	body := `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{"auditID":"a","stage":"ResponseComplete","verb":"get","user":{"username":"x"}}]}`
	for {
		req, err := http.NewRequest(http.MethodPost, "https://"+s.addr+"/k", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = bearer.Clone()
		resp, err := client.Do(req)
		if err == nil {
			answer, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusAccepted {
				t.Fatalf("%s %s", resp.Status, answer)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.stop()
}

// A source knows its senders by a certificate of an authority of its own; the
// server asks for one.
func TestTheAuditWebhookIsKnownByItsClientCertificate(t *testing.T) {
	s := newSite(t)
	roots := s.certificate()
	ours := ingesttest.NewAuthority(t, "clusters")
	config := s.read("sidedoor.yaml") + "tls: {cert-file: cert.pem, key-file: key.pem}\n"
	before := "kubernetes: {path: /k, token-file: secret}"
	if !strings.Contains(config, before) {
		t.Fatal("the site has another configuration")
	}
	s.write("sidedoor.yaml", strings.Replace(config, before, fmt.Sprintf("kubernetes: {path: /k, client-ca-file: %q, client-names: [prod]}", ours.File(t)), 1))
	s.start()
	body := `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{"auditID":"a","stage":"ResponseComplete","verb":"get","user":{"username":"x"}}]}`
	for _, c := range []struct {
		cert []tls.Certificate
		want int
	}{
		{[]tls.Certificate{ours.Client(t, "prod")}, http.StatusAccepted},
		{[]tls.Certificate{ours.Client(t, "dev")}, http.StatusUnauthorized},
		{[]tls.Certificate{ingesttest.NewAuthority(t, "clusters").Client(t, "prod")}, http.StatusUnauthorized},
		{nil, http.StatusUnauthorized},
	} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: c.cert, MinVersion: tls.VersionTLS12}}
		resp := s.postOver(transport, body)
		if answer, _ := io.ReadAll(resp.Body); resp.StatusCode != c.want {
			t.Errorf("got %s %s, want %d", resp.Status, answer, c.want)
		}
		resp.Body.Close()
		transport.CloseIdleConnections()
	}
	s.stop()
}

// postOver posts to the cluster's webhook, as soon as the server is there.
func (s *site) postOver(transport *http.Transport, body string) *http.Response {
	s.t.Helper()
	client := &http.Client{Transport: transport}
	deadline := time.Now().Add(30 * time.Second)
	for {
		resp, err := client.Post("https://"+s.addr+"/k", "application/json", strings.NewReader(body))
		if err == nil {
			return resp
		}
		if time.Now().After(deadline) {
			s.t.Fatal(err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// certificate writes a certificate for this machine, and returns it as a root.
func (s *site) certificate() *x509.CertPool {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sidedoor"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		s.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		s.t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: private}} {
		var b bytes.Buffer
		if err := pem.Encode(&b, block); err != nil {
			s.t.Fatal(err)
		}
		s.write(name, b.String())
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		s.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return roots
}

package ingest

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
)

// ReadAuthorities reads the certificates of authorities from a file in PEM.
func ReadAuthorities(path string) (*x509.CertPool, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("client CA: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("client CA %s: there is no certificate in it; it holds what signs the clients' certificates, in PEM", path)
	}
	return pool, nil
}

// maxIntermediates bounds how many certificates of a client are looked at: who
// sends them is not known yet.
const maxIntermediates = 8

// ClientCertificate returns a Knows function that wants a TLS client
// certificate signed by one of the authorities, with one of the common names;
// any name will do if none is given. The server only asks for a certificate:
// each source trusts authorities of its own, and those of the machine never
// count.
func ClientCertificate(authorities *x509.CertPool, names []string) func(*http.Request) error {
	return func(r *http.Request) error {
		if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
			return errors.New("a client certificate is missing; one that a proxy in front of the monitor was shown does not count")
		}
		presented := r.TLS.PeerCertificates
		intermediates := x509.NewCertPool()
		for _, c := range presented[1:min(len(presented), 1+maxIntermediates)] {
			intermediates.AddCert(c)
		}
		_, err := presented[0].Verify(x509.VerifyOptions{
			Roots: authorities, Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		})
		if err != nil {
			return fmt.Errorf("the client certificate is not accepted: %w", err)
		}
		if name := presented[0].Subject.CommonName; len(names) > 0 && !slices.Contains(names, name) {
			return fmt.Errorf("the client certificate's common name %q is none of %s", name, strings.Join(names, ", "))
		}
		return nil
	}
}

// All returns a Knows function that wants what all of the given ones want.
func All(knows ...func(*http.Request) error) func(*http.Request) error {
	return func(r *http.Request) error {
		for _, k := range knows {
			if err := k(r); err != nil {
				return err
			}
		}
		return nil
	}
}

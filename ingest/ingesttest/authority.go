package ingesttest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Authority signs certificates for tests.
type Authority struct {
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
	chain [][]byte // what a client brings along, without the root
}

// NewAuthority returns a root.
func NewAuthority(t testing.TB, name string) *Authority {
	t.Helper()
	a := &Authority{}
	template := authority(name)
	cert := sign(t, template, template, nil)
	a.cert, a.key = parsed(t, cert)
	return a
}

// Intermediate returns an authority that a signs.
func (a *Authority) Intermediate(t testing.TB, name string) *Authority {
	t.Helper()
	b := &Authority{}
	cert := sign(t, authority(name), a.cert, a.key)
	b.cert, b.key = parsed(t, cert)
	b.chain = append([][]byte{b.cert.Raw}, a.chain...)
	return b
}

// Pool has the authority alone.
func (a *Authority) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// File writes the authority's certificate in PEM, and returns the path.
func (a *Authority) File(t testing.TB) string {
	t.Helper()
	return write(t, "ca.pem", &pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// Client returns a client's certificate, with the intermediates below the root.
func (a *Authority) Client(t testing.TB, name string) tls.Certificate {
	t.Helper()
	c := a.ClientAlone(t, name)
	c.Certificate = append(c.Certificate, a.chain...)
	return c
}

// ClientAlone returns a client's certificate without intermediates.
func (a *Authority) ClientAlone(t testing.TB, name string) tls.Certificate {
	t.Helper()
	return sign(t, leaf(name, x509.ExtKeyUsageClientAuth), a.cert, a.key)
}

// Server returns the certificate of a server on this machine.
func (a *Authority) Server(t testing.TB, name string) tls.Certificate {
	t.Helper()
	return sign(t, leaf(name, x509.ExtKeyUsageServerAuth), a.cert, a.key)
}

// Expired returns a client's certificate that is valid no more.
func (a *Authority) Expired(t testing.TB, name string) tls.Certificate {
	t.Helper()
	c := leaf(name, x509.ExtKeyUsageClientAuth)
	c.NotAfter = time.Now().Add(-time.Minute)
	return sign(t, c, a.cert, a.key)
}

// Files writes a certificate and its key in PEM.
func Files(t testing.TB, c tls.Certificate) (certFile, keyFile string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	var blocks []*pem.Block
	for _, b := range c.Certificate {
		blocks = append(blocks, &pem.Block{Type: "CERTIFICATE", Bytes: b})
	}
	return write(t, "cert.pem", blocks...), write(t, "key.pem", &pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

func authority(name string) *x509.Certificate {
	c := leaf(name)
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	return c
}

func leaf(name string, usages ...x509.ExtKeyUsage) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, ExtKeyUsage: usages,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
}

// sign makes a key and its certificate; without a signer's key it signs itself.
func sign(t testing.TB, c, by *x509.Certificate, byKey *ecdsa.PrivateKey) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if byKey == nil {
		byKey = key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by, &key.PublicKey, byKey)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func parsed(t testing.TB, c tls.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	cert, err := x509.ParseCertificate(c.Certificate[0])
	key, ok := c.PrivateKey.(*ecdsa.PrivateKey)
	if err != nil || !ok {
		t.Fatalf("certificate: %v", err)
	}
	return cert, key
}

func write(t testing.TB, name string, blocks ...*pem.Block) string {
	t.Helper()
	var b bytes.Buffer
	for _, block := range blocks {
		if err := pem.Encode(&b, block); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

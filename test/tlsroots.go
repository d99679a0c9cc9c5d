// run

//go:build darwin && !ios && (amd64 || 386)

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.
// A TLS client that is given no roots finds those that SSL_CERT_FILE names: it
// accepts a server whose certificate they have signed, and refuses another.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

func fail(format string, args ...any) {
	fmt.Printf(format+"\n", args...)
	os.Exit(1)
}

func must[T any](v T, err error) T {
	if err != nil {
		fail("%v", err)
	}
	return v
}

// An authority signs certificates of servers.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func sign(template *x509.Certificate, by *authority) (*x509.Certificate, *ecdsa.PrivateKey) {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	template.BasicConstraintsValid = true
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	der := must(x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer))
	return must(x509.ParseCertificate(der)), key
}

func newAuthority(name string) *authority {
	cert, key := sign(&x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, KeyUsage: x509.KeyUsageCertSign}, nil)
	return &authority{cert, key}
}

// serve starts a server whose certificate is signed by a and returns its address.
func serve(a *authority) string {
	cert, key := sign(&x509.Certificate{
		SerialNumber: big.NewInt(2),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a)
	l := must(tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}},
	}))
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") })}
	srv.ErrorLog = nil
	go srv.Serve(quiet{l})
	return l.Addr().String()
}

// quiet is a listener whose failed handshakes are not logged.
type quiet struct{ net.Listener }

func (q quiet) Accept() (net.Conn, error) {
	for {
		c, err := q.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c.(*tls.Conn).Handshake() == nil {
			return c, nil
		}
		c.Close()
	}
}

func main() {
	good, bad := newAuthority("good"), newAuthority("bad")
	dir := must(os.MkdirTemp("", "tlsroots"))
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "roots.pem")
	data := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: good.cert.Raw})
	if err := os.WriteFile(file, data, 0o666); err != nil {
		fail("%v", err)
	}
	os.Setenv("SSL_CERT_FILE", file)
	os.Unsetenv("SSL_CERT_DIR")

	client := &http.Client{Timeout: 2 * time.Minute}
	r := must(client.Get("https://" + serve(good)))
	if body := must(io.ReadAll(r.Body)); string(body) != "hello" {
		fail("the server said %q", body)
	}
	r.Body.Close()
	r, err := client.Get("https://" + serve(bad))
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		fail("a server of an unknown authority: %v, %v", r, err)
	}
}

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

// A server by github.com/go-chi/chi behind TLS and HTTP/2, its client, and one
// of the host, if there is one.
package main

import (
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
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// certificate makes a self-signed one for localhost, and returns it as PEM too.
func certificate(t *testing.T) (tls.Certificate, []byte) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "probe"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// serve starts the server and returns its URL and its root.
func serve(t *testing.T) (string, []byte) {
	cert, root := certificate(t)
	r := chi.NewRouter()
	r.Use(middleware.Recoverer, middleware.Compress(5), middleware.Timeout(2*time.Minute))
	r.Get("/hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello %s by %s", chi.URLParam(r, "name"), r.Proto)
	})
	r.Post("/echo", func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body) // HTTP/1.1 is not full duplex
		if err != nil {
			panic(err)
		}
		w.Write(b)
	})
	r.Get("/panic", func(http.ResponseWriter, *http.Request) { panic("on purpose") })
	r.Get("/file", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "file") })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: r, TLSConfig: &tls.Config{Certificates: []tls.Certificate{cert}}}
	go srv.ServeTLS(l, "", "")
	t.Cleanup(func() { srv.Close() })
	return "https://" + l.Addr().String(), root
}

func TestServer(t *testing.T) {
	t.Chdir(t.TempDir())
	url, root := serve(t)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(root)
	for _, h2 := range []bool{false, true} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: h2, MaxIdleConnsPerHost: 8}
		defer tr.CloseIdleConnections()
		client := &http.Client{Transport: tr, Timeout: 2 * time.Minute}
		get := func(path, body string) (int, string) {
			t.Helper()
			var resp *http.Response
			var err error
			if body != "" {
				resp, err = client.Post(url+path, "text/plain", strings.NewReader(body))
			} else {
				resp, err = client.Get(url + path)
			}
			if err != nil {
				t.Error(err)
				return 0, ""
			}
			defer resp.Body.Close()
			b, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Error(err)
			}
			return resp.StatusCode, string(b)
		}
		proto := map[bool]string{false: "HTTP/1.1", true: "HTTP/2.0"}[h2]
		if _, s := get("/hello/world", ""); s != "hello world by "+proto {
			t.Errorf("got %q over %s", s, proto)
		}
		if code, _ := get("/panic", ""); code != 500 {
			t.Errorf("/panic: %d", code)
		}
		if code, _ := get("/none", ""); code != 404 {
			t.Errorf("/none: %d", code)
		}
		big := strings.Repeat("0123456789abcdef", 1<<16)
		if err := os.WriteFile("file", []byte(big), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, s := get("/file", ""); s != big {
			t.Errorf("/file: %d bytes of %d", len(s), len(big))
		}
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for i := range 25 {
					want := fmt.Sprint(g, i, big[:10000*i%len(big)])
					if code, s := get("/echo", want); code != 200 || s != want {
						t.Errorf("/echo: %d, %d bytes of %d", code, len(s), len(want))
					}
				}
			})
		}
		wg.Wait()
	}
	if _, err := http.Get(url + "/hello/x"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a client that does not know the root: %v", err)
	}
}

// TestHostClient has the host's curl talk to the server.
func TestHostClient(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip(err)
	}
	url, root := serve(t)
	ca := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(ca, root, 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(curl, "-sS", "--noproxy", "*", "--cacert", ca, url+"/hello/curl").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "hello curl by HTTP/") {
		t.Errorf("%v\n%s", err, out)
	}
}

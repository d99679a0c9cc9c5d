// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package x509

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// rootPEM makes a self-signed root certificate.
func rootPEM(t *testing.T) (*Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &Certificate{
		SerialNumber:          big.NewInt(1),
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// forgetRoots makes Verify read the system's roots anew, now and after the test.
func forgetRoots(t *testing.T) {
	reset := func() {
		systemRootsMu.Lock()
		defer systemRootsMu.Unlock()
		once, systemRoots, systemRootsErr = sync.Once{}, nil, nil
	}
	reset()
	t.Cleanup(reset)
}

func TestRootsFromFiles(t *testing.T) {
	root1, pem1 := rootPEM(t)
	root2, pem2 := rootPEM(t)
	dir := t.TempDir()
	for name, data := range map[string][]byte{
		"1.pem": pem1, "dir/2.pem": pem2, "dir/README": []byte("no certificate\n"), "empty/.keep": nil,
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("2.pem", filepath.Join(dir, "dir", "12345678.0")); err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	for _, c := range []struct {
		file, dirs   string
		want1, want2 bool
		errHas       string // if no root is found
	}{
		{in("1.pem"), "", true, false, ""},
		{"", in("dir"), false, true, ""},
		{in("1.pem"), in("dir"), true, true, ""},
		{"", in("empty") + ":" + in("dir"), false, true, ""},
		{in("absent.pem"), in("dir"), false, true, ""},
		{in("absent.pem"), "", false, false, "absent.pem: no such file"},
		{in("dir/README"), "", false, false, "README: no certificate"},
		{"", in("nowhere"), false, false, "nowhere: no such file"},
		{"", ":", false, false, "SSL_CERT_DIR holds no file"},
	} {
		t.Setenv("SSL_CERT_FILE", c.file)
		t.Setenv("SSL_CERT_DIR", c.dirs)
		forgetRoots(t)
		for _, r := range []struct {
			cert *Certificate
			want bool
		}{{root1, c.want1}, {root2, c.want2}} {
			// Verify must never report success without a chain.
			chains, err := r.cert.Verify(VerifyOptions{})
			if (err == nil) != r.want || (err == nil) != (len(chains) > 0) {
				t.Errorf("SSL_CERT_FILE=%s SSL_CERT_DIR=%s: %d chains, error %v; want success: %v", c.file, c.dirs, len(chains), err, r.want)
			}
			var no SystemRootsError
			if c.errHas != "" && (!errors.As(err, &no) || !strings.Contains(err.Error(), c.errHas)) {
				t.Errorf("SSL_CERT_FILE=%s SSL_CERT_DIR=%s: error %v; want a SystemRootsError with %q", c.file, c.dirs, err, c.errHas)
			}
		}
	}
}

// TestSystemVerifyRefuses calls systemVerify in the one state in which Verify
// calls it: no pool at all, whatever the reason.
func TestSystemVerifyRefuses(t *testing.T) {
	cert, _ := rootPEM(t)
	if chains, err := cert.systemVerify(&VerifyOptions{}); err == nil || len(chains) != 0 {
		t.Fatalf("systemVerify: %d chains, error %v", len(chains), err)
	}
}

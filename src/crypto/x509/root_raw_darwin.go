// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package x509

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A static program cannot ask Security.framework, so that certificates are
// verified by package x509 itself, against roots read from files: those that
// SSL_CERT_FILE and SSL_CERT_DIR name, as on other Unix systems, else the
// first of rootFiles that holds any. What users and administrators trust or
// distrust beyond that (their keychains, the trust settings) is not heeded.

// rootFiles are the places where macOS has its roots.
var rootFiles = []string{
	"/etc/ssl/cert.pem", // since 10.13
	"/System/Library/Keychains/SystemRootCertificates.keychain",
	"/usr/share/curl/curl-ca-bundle.crt", // before 10.9
}

// systemVerify is called by Verify only if there are no system roots. It must
// not return nil, nil: Verify would hand that on, and its callers would take
// the certificate for verified.
func (c *Certificate) systemVerify(opts *VerifyOptions) (chains [][]*Certificate, err error) {
	systemRootsMu.RLock()
	defer systemRootsMu.RUnlock()
	return nil, SystemRootsError{systemRootsErr}
}

// loadSystemRoots returns an ordinary pool, one that is not marked as the
// system's: Verify then uses it without calling systemVerify. If there is no
// certificate at all, the error says where they were looked for.
func loadSystemRoots() (*CertPool, error) {
	roots := NewCertPool()
	var failed []string
	add := func(file string) {
		data, err := os.ReadFile(file)
		if err == nil {
			if err = addCertificates(roots, data); err != nil {
				err = fmt.Errorf("%s: %w", file, err)
			}
		}
		if err != nil {
			failed = append(failed, err.Error())
		}
	}
	switch file, dirs := os.Getenv("SSL_CERT_FILE"), os.Getenv("SSL_CERT_DIR"); {
	case file == "" && dirs == "":
		for _, file := range rootFiles {
			if add(file); roots.len() > 0 {
				break
			}
		}
	default:
		if file != "" {
			add(file)
		}
		for _, dir := range strings.Split(dirs, ":") {
			if dir == "" {
				continue
			}
			found, err := certFilesIn(dir)
			if err != nil {
				failed = append(failed, err.Error())
			}
			for _, file := range found {
				add(file)
			}
		}
	}
	if roots.len() == 0 {
		if len(failed) == 0 {
			failed = append(failed, "SSL_CERT_DIR holds no file")
		}
		return nil, errors.New("no root certificates (" + strings.Join(failed, "; ") + ")")
	}
	return roots, nil
}

// addCertificates adds the certificates of a file in PEM form, or of a keychain file.
func addCertificates(roots *CertPool, data []byte) error {
	some := false
	if bytes.HasPrefix(data, []byte(keychainMagic)) {
		ders, err := keychainCertificates(data)
		if err != nil {
			return err
		}
		for _, der := range ders {
			if cert, err := ParseCertificate(der); err == nil {
				roots.AddCert(cert)
				some = true
			}
		}
	} else {
		some = roots.AppendCertsFromPEM(data)
	}
	if !some {
		return errors.New("no certificate")
	}
	return nil
}

// certFilesIn returns the files of dir. OpenSSL's hashed names, which are
// links to a neighbour, are left out: the neighbour is there as well.
func certFilesIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		name := filepath.Join(dir, e.Name())
		if e.Type()&fs.ModeSymlink != 0 {
			if to, err := os.Readlink(name); err == nil && filepath.Base(to) == to {
				continue
			}
		}
		if !e.IsDir() {
			files = append(files, name)
		}
	}
	return files, nil
}

// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package x509

import (
	"bytes"
	"encoding/binary"
	"encoding/pem"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func words(w ...uint32) (b []byte) {
	for _, v := range w {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

// sized puts the size of body and of itself before it, and pads to whole words.
func sized(body ...[]byte) []byte {
	b := bytes.Join(body, nil)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return append(words(uint32(4+len(b))), b...)
}

// testRecord makes record number n with data and attributes; nil is one without a value.
func testRecord(n uint32, data []byte, attributes ...[]byte) []byte {
	offs := make([]uint32, len(attributes))
	values := slices.Clone(data)
	for i, a := range attributes {
		for len(values)%4 != 0 {
			values = append(values, 0)
		}
		if a != nil {
			offs[i] = uint32(24+4*len(attributes)+len(values)) + 1
			values = append(values, a...)
		}
	}
	return sized(words(n, 1, 1, uint32(len(data)), 0), words(offs...), values)
}

// testTable makes the table of a relation; a nil record is a free slot.
func testTable(relation uint32, records ...[]byte) []byte {
	var slots []uint32
	var all []byte
	header := 28 + 4*len(records)
	count := uint32(0)
	for i, r := range records {
		if r == nil {
			slots = append(slots, uint32(4*i)|1)
			continue
		}
		count++
		slots = append(slots, uint32(header+len(all)))
		all = append(all, r...)
	}
	indexes := words(8, 0)
	return sized(words(relation, count, uint32(header), uint32(header+len(all)), 0, uint32(len(slots))), words(slots...), all, indexes)
}

// testKeychain makes a keychain file with these certificates: with a table of
// passwords before theirs, and a free slot between the first and the second.
func testKeychain(ders ...[]byte) []byte {
	blob := func(s string) []byte { return append(words(uint32(len(s))), s...) }
	const password = 0x80000000
	names := map[uint32][]string{
		relationCertificates: {"CertType", "CertEncoding", "PrintName", "Alias", "Subject", "Issuer", "SerialNumber", "SubjectKeyIdentifier", "PublicKeyHash"},
		password:             {"cdat", "mdat", "acct"},
	}
	var rows [][]byte
	for _, relation := range []uint32{password, relationCertificates} {
		for i, name := range names[relation] {
			rows = append(rows, testRecord(uint32(len(rows)), nil, words(relation), words(uint32(i)), words(0), blob(name), nil, words(6)))
		}
	}
	var certs [][]byte
	for i, der := range ders {
		if i == 1 {
			certs = append(certs, nil)
		}
		certs = append(certs, testRecord(uint32(len(certs)), der, words(3), words(3), blob("name"), nil, blob("subject"), blob("issuer"), blob("1"), nil, blob("hash")))
	}
	tables := [][]byte{
		testTable(0),
		testTable(relationAttributes, rows...),
		testTable(password, testRecord(0, []byte("secret"), nil, nil, blob("me"))),
		testTable(relationCertificates, certs...),
	}
	offs := make([]uint32, len(tables))
	at := uint32(8 + 4*len(tables))
	for i, t := range tables {
		offs[i] = at
		at += uint32(len(t))
	}
	schema := sized(words(uint32(len(tables))), words(offs...), bytes.Join(tables, nil))
	return slices.Concat([]byte("kych"), words(0x10000, 16, 20, 0), schema)
}

func TestKeychain(t *testing.T) {
	ders := [][]byte{[]byte("one"), []byte("the second"), []byte("number three, the last")}
	got, err := keychainCertificates(testKeychain(ders...))
	if err != nil || !slices.EqualFunc(got, ders, bytes.Equal) {
		t.Errorf("got %q, %v, want %q", got, err, ders)
	}
	if got, err := keychainCertificates(testKeychain()); err != nil || len(got) != 0 {
		t.Errorf("empty keychain: got %q, %v", got, err)
	}
	for _, bad := range []string{"", "kych", "-----BEGIN CERTIFICATE-----", "SQLite format 3\x00 and so on"} {
		if got, err := keychainCertificates([]byte(bad)); err == nil {
			t.Errorf("%q: got %q", bad, got)
		}
	}
}

// TestKeychainMalformed damages a keychain file in many ways. Nothing may come
// of it but an error, or data that lie within the file.
func TestKeychainMalformed(t *testing.T) {
	good := testKeychain([]byte("one"), []byte("the second"))
	for n := range good {
		if got, err := keychainCertificates(good[:n]); err == nil {
			t.Errorf("%d of %d bytes: %q and no error", n, len(good), got)
		}
	}
	// Three slots with one record: a small file must not have any number of certificates.
	thrice := testKeychain(bytes.Repeat([]byte("1"), 1000), []byte("the second"))
	slots := bytes.LastIndex(thrice, words(relationCertificates)) - 4 + 28
	copy(thrice[slots+4:], thrice[slots:slots+4])
	copy(thrice[slots+8:], thrice[slots:slots+4])
	if got, err := keychainCertificates(thrice); err == nil {
		t.Errorf("a record in three slots: %d certificates and no error", len(got))
	}
	check := func(file []byte) {
		total := 0
		ders, _ := keychainCertificates(slices.Clip(slices.Clone(file)))
		for _, d := range ders {
			total += len(d)
		}
		if total > len(file) {
			t.Fatalf("%d bytes of certificates from a file of %d", total, len(file))
		}
	}
	for at := 0; at < len(good); at += 4 {
		was := binary.BigEndian.Uint32(good[at:])
		for _, v := range []uint32{0, 1, 4, 8, was - 4, was + 4, was + 1, uint32(len(good)), 1 << 16, 1<<31 - 4, 1 << 31, 1<<32 - 4, 1<<32 - 1} {
			file := slices.Clone(good)
			binary.BigEndian.PutUint32(file[at:], v)
			check(file)
		}
	}
	seed := rand.Uint64()
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	r := rand.New(rand.NewPCG(seed, 0))
	for range 20000 {
		file := slices.Clone(good)
		for range 1 + r.IntN(4) {
			binary.BigEndian.PutUint32(file[4*r.IntN(len(file)/4):], uint32(r.IntN(2*len(file))))
		}
		check(file)
	}
}

func FuzzKeychain(f *testing.F) {
	f.Add(testKeychain([]byte("one"), []byte("the second")))
	f.Add([]byte("kych"))
	f.Fuzz(func(t *testing.T, file []byte) { keychainCertificates(file) })
}

// TestRootsOfSystem looks for the roots where macOS has them: the first place
// that has any counts, and one that is damaged is passed over.
func TestRootsOfSystem(t *testing.T) {
	root1, pem1 := rootPEM(t)
	root2, pem2 := rootPEM(t)
	dir := t.TempDir()
	defer func(files []string) { rootFiles = files }(rootFiles)
	rootFiles = []string{filepath.Join(dir, "cert.pem"), filepath.Join(dir, "roots.keychain"), filepath.Join(dir, "bundle.crt")}
	der := func(data []byte) []byte {
		b, _ := pem.Decode(data)
		return b.Bytes
	}
	chain := testKeychain(der(pem1), []byte("no certificate"), der(pem2))
	for _, c := range []struct {
		name         string
		files        [3][]byte
		want1, want2 bool
	}{
		{"PEM file and keychain", [3][]byte{pem1, testKeychain(der(pem2)), nil}, true, false},
		{"keychain alone", [3][]byte{nil, chain, nil}, true, true},
		{"damaged keychain", [3][]byte{nil, chain[:len(chain)-8], pem2}, false, true},
		{"damaged PEM file", [3][]byte{pem1[:100], testKeychain(der(pem2)), nil}, false, true},
		{"only another bundle", [3][]byte{nil, nil, pem1}, true, false},
		{"nothing", [3][]byte{nil, nil, nil}, false, false},
	} {
		t.Setenv("SSL_CERT_FILE", "")
		t.Setenv("SSL_CERT_DIR", "")
		for i, data := range c.files {
			os.Remove(rootFiles[i])
			if data != nil {
				if err := os.WriteFile(rootFiles[i], data, 0o666); err != nil {
					t.Fatal(err)
				}
			}
		}
		forgetRoots(t)
		_, err1 := root1.Verify(VerifyOptions{})
		_, err2 := root2.Verify(VerifyOptions{})
		if (err1 == nil) != c.want1 || (err2 == nil) != c.want2 {
			t.Errorf("%s: errors %v, %v; want success: %v, %v", c.name, err1, err2, c.want1, c.want2)
		}
	}
}

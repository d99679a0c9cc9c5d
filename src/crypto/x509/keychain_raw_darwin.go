// Copyright 2026 The goxnu Authors. All rights reserved.
// Use of this source code is governed by a BSD-style
// license that can be found in the LICENSE file.

//go:build !ios && (amd64 || 386)

package x509

import (
	"errors"
	"internal/byteorder"
)

// A keychain file is a database of tables of records. All numbers are words of
// 32 bits, big-endian, at multiples of 4:
//
//	file      "kych", version 1.0, size of the header, offset of the schema
//	schema    its size, number of tables, the tables' offsets from here
//	table     its size, its relation, number of records, three words, number of
//	          slots, the slots: a record's offset from here, or, of a free slot, 0 or an odd number
//	record    its size, three words, size of its data, a word, the offsets of its
//	          attributes' values from here plus 1 (0 if there is no value), its data, the values
//
// How many attributes the records of a relation have, the records of another
// relation tell: one for each attribute, whose first attribute names the relation.
// A certificate in DER form is the data of its record. Keychain files encrypt
// keys and passwords, not certificates.
const (
	keychainMagic   = "kych"
	keychainVersion = 0x10000

	relationAttributes   = 2          // CSSM_DL_DB_SCHEMA_ATTRIBUTES
	relationCertificates = 0x80001000 // CSSM_DL_DB_RECORD_X509_CERTIFICATE

	recordHeader = 24
)

var errKeychain = errors.New("malformed keychain file")

// A keychainPart is a part of a keychain file that begins with its size.
type keychainPart []byte

// word returns the word at off, which may be any number.
func (p keychainPart) word(off uint64) (uint32, error) {
	if off%4 != 0 || off+4 > uint64(len(p)) {
		return 0, errKeychain
	}
	return byteorder.BEUint32(p[off:]), nil
}

// part returns the part at off.
func (p keychainPart) part(off uint64) (keychainPart, error) {
	size, err := p.word(off)
	if err != nil || size < 4 || uint64(size) > uint64(len(p))-off {
		return nil, errKeychain
	}
	return p[off : off+uint64(size)], nil
}

// records calls f for each record of a table.
func (p keychainPart) records(f func(record keychainPart) error) error {
	slots, err := p.word(24)
	if err != nil {
		return err
	}
	left := len(p)
	for i := range uint64(slots) {
		off, err := p.word(28 + 4*i)
		if err != nil {
			return err
		}
		if off == 0 || off%2 != 0 {
			continue
		}
		r, err := p.part(uint64(off))
		if err != nil {
			return err
		}
		if left -= len(r); left < 0 { // two of them overlap
			return errKeychain
		}
		if err := f(r); err != nil {
			return err
		}
	}
	return nil
}

// keychainCertificates returns the certificates in a keychain file, in DER form.
func keychainCertificates(file []byte) (ders [][]byte, err error) {
	p := keychainPart(file)
	if len(file) < 20 || string(file[:4]) != keychainMagic {
		return nil, errors.New("not a keychain file")
	}
	if v, _ := p.word(4); v != keychainVersion {
		return nil, errors.New("unknown version of a keychain file")
	}
	off, err := p.word(12)
	if err != nil {
		return nil, err
	}
	schema, err := p.part(uint64(off))
	if err != nil {
		return nil, err
	}
	tables, err := schema.word(4)
	if err != nil {
		return nil, err
	}
	var attributes, certificates keychainPart
	for i := range uint64(tables) {
		off, err := schema.word(8 + 4*i)
		if err != nil {
			return nil, err
		}
		table, err := schema.part(uint64(off))
		if err != nil {
			return nil, err
		}
		relation, err := table.word(4)
		if err != nil {
			return nil, err
		}
		switch relation {
		case relationAttributes:
			attributes = table
		case relationCertificates:
			certificates = table
		}
	}
	if attributes == nil || certificates == nil {
		return nil, nil
	}

	dataAt := uint64(recordHeader)
	err = attributes.records(func(r keychainPart) error {
		off, err := r.word(recordHeader)
		if err != nil || off == 0 {
			return err
		}
		relation, err := r.word(uint64(off) - 1)
		if relation == relationCertificates {
			dataAt += 4
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	err = certificates.records(func(r keychainPart) error {
		size, err := r.word(16)
		if err != nil {
			return err
		}
		if dataAt > uint64(len(r)) || uint64(size) > uint64(len(r))-dataAt {
			return errKeychain
		}
		ders = append(ders, r[dataAt:dataAt+uint64(size)])
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ders, nil
}

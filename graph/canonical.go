package graph

import (
	"encoding/binary"
	"strconv"
)

// Canonical is a stable encoding of everything that decides what is sent where:
// two requests with the same one have the same effect. Every part goes in with
// its length, so that no two requests share an encoding. How the answer is taken
// (Sink, Follow, MaxBytes) is no part of it.
func (r Request) Canonical() []byte {
	var e encoder
	e.text(r.App, r.Method, r.Path.template, r.Path.escaped, r.Query.Encode(), r.ContentType, r.IfMatch, r.Next, r.Storage, r.Range, strconv.FormatBool(r.Eventual))
	e.count(len(r.Prefer))
	e.text(r.Prefer...)
	e.text(strconv.FormatBool(r.Body != nil), string(r.Body))
	e.count(len(r.Sub))
	for _, sub := range r.Sub {
		e.text(string(sub.Canonical()))
	}
	return e.out
}

type encoder struct{ out []byte }

func (e *encoder) count(n int) { e.out = binary.AppendUvarint(e.out, uint64(n)) } //nolint:gosec // a length is not negative

func (e *encoder) text(parts ...string) {
	for _, p := range parts {
		e.count(len(p))
		e.out = append(e.out, p...)
	}
}

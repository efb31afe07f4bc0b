package tool

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"sync"

	"m365mcp/graph"
)

// digest names a plan exactly: approval and audit refer to it. Every part goes
// in with its length, so that no two plans share an input.
func (p Plan) digest(tool string) string {
	h := sha256.New()
	write := func(parts ...string) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(parts)))
		h.Write(n[:])
		for _, s := range parts {
			binary.BigEndian.PutUint64(n[:], uint64(len(s)))
			h.Write(n[:])
			h.Write([]byte(s))
		}
	}
	write("m365-mcp plan v1", tool, p.Target)
	write(p.Recipients...)
	write(p.Content...)
	for _, w := range p.Writes {
		write(w.Method, w.Path.String(), w.Query.Encode(), string(w.Body))
	}
	return hex.EncodeToString(h.Sum(nil))
}

// frozen copies requests, so that what was decided stays as it was.
func frozen(requests []graph.Request) []graph.Request {
	out := slices.Clone(requests)
	for i := range out {
		out[i].Body = bytes.Clone(out[i].Body)
	}
	return out
}

// planned lets reads through, and exactly the writes that were planned, each
// once: what policy, DLP and approval saw is what is sent.
type planned struct {
	next graph.Doer
	mu   sync.Mutex
	left []graph.Request
}

// Do implements graph.Doer.
func (p *planned) Do(ctx context.Context, r graph.Request) (*graph.Response, error) {
	if !r.Safe() {
		p.mu.Lock()
		i := slices.IndexFunc(p.left, func(w graph.Request) bool { return sameRequest(w, r) })
		if i >= 0 {
			p.left = slices.Delete(p.left, i, i+1)
		}
		p.mu.Unlock()
		if i < 0 {
			return nil, &graph.Error{
				Kind: graph.KindRefused, Err: errors.New("this write is not in the plan"),
				Exchange: graph.Exchange{Method: r.Method, Path: r.Path.Template()},
			}
		}
	}
	return p.next.Do(ctx, r)
}

func sameRequest(a, b graph.Request) bool {
	return a.Method == b.Method && a.Path == b.Path && a.Query.Encode() == b.Query.Encode() && bytes.Equal(a.Body, b.Body)
}

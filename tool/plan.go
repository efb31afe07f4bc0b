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
	"sync/atomic"

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
	for _, f := range p.Files {
		write(f.Name(), f.ContentType(), f.Digest())
	}
	for _, w := range p.Writes {
		write(string(w.Canonical()))
	}
	for _, g := range p.Guards {
		write(string(g.Read.Canonical()), g.ETag)
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
// once: what policy, DLP and approval saw is what is sent. A batch is its parts.
type planned struct {
	next graph.Doer
	mu   sync.Mutex
	left []graph.Request
	sent *atomic.Bool
}

// Do implements graph.Doer.
func (p *planned) Do(ctx context.Context, r graph.Request) (*graph.Response, error) {
	parts := []graph.Request{r}
	if r.Sub != nil {
		parts = r.Sub
	}
	if r.Storage != "" || !p.take(parts) {
		return nil, &graph.Error{
			Kind: graph.KindRefused, Err: errors.New("this write is not in the plan"),
			Exchange: graph.Exchange{Method: r.Method, Path: r.Path.Template()},
		}
	}
	resp, err := p.next.Do(ctx, r)
	if err == nil && !r.Safe() {
		p.sent.Store(true)
	}
	return resp, err
}

// take uses up the planned writes among requests; all of them or none.
func (p *planned) take(requests []graph.Request) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	left := slices.Clone(p.left)
	for _, r := range requests {
		if r.Safe() {
			continue
		}
		i := slices.IndexFunc(left, r.Equal)
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	p.left = left
	return true
}

// bytesOnly sends the chunks of an upload session that a planned write has opened.
type bytesOnly struct {
	next     graph.Doer
	readOnly bool
}

// Do implements graph.Doer.
func (b *bytesOnly) Do(ctx context.Context, r graph.Request) (*graph.Response, error) {
	if b.readOnly || r.Storage == "" || r.Sub != nil {
		return nil, &graph.Error{Kind: graph.KindRefused, Err: errors.New("no upload of a planned file"), Exchange: graph.Exchange{Method: r.Method, Path: r.Path.Template()}}
	}
	return b.next.Do(ctx, r)
}

// reading is the Doer of a plan and of the decision about it: it opens its session when it is first asked.
type reading struct {
	open    func() Session
	mu      sync.Mutex
	session Session
	closed  bool
}

// Do implements graph.Doer.
func (p *reading) Do(ctx context.Context, r graph.Request) (*graph.Response, error) {
	p.mu.Lock()
	if p.session == nil && !p.closed {
		p.session = p.open()
	}
	session := p.session
	p.mu.Unlock()
	if session == nil || !r.Safe() {
		return nil, &graph.Error{Kind: graph.KindRefused, Err: errors.New("a plan only reads, and only until it is decided about"), Exchange: graph.Exchange{Method: r.Method, Path: r.Path.Template()}}
	}
	return session.Do(ctx, r)
}

// close ends the session and returns what was read.
func (p *reading) close() []graph.Exchange {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.session == nil {
		return nil
	}
	p.session.Close()
	return p.session.Exchanges()
}

// unchanged reads the guards again and refuses if one of them is not what was decided about.
func unchanged(ctx context.Context, doer graph.Doer, guards []Guard) error {
	for _, g := range guards {
		resp, err := doer.Do(ctx, g.Read)
		if err != nil {
			return err
		}
		var item struct {
			ETag string `json:"@odata.etag"`
			File string `json:"eTag"` // of a driveItem
		}
		if err := resp.Decode(&item); err != nil {
			return err
		}
		if g.ETag == "" || item.ETag != g.ETag && item.File != g.ETag {
			return changedSince()
		}
	}
	return nil
}

package gateway

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/oklog/ulid/v2"

	"m365mcp/graph"
)

// send makes one HTTP exchange, and the one to storage where a request follows
// Graph there. claims is the claims challenge of a 401.
func (g *Gateway) send(ctx context.Context, r graph.Request, rec *record) (_ *graph.Response, claims string, _ error) {
	rec.Attempts++
	rec.Status, rec.RequestID, rec.atStorage = 0, "", r.Storage != ""
	resp, claims, err := g.exchange(ctx, r, rec)
	moved, ok := errors.AsType[*movedError](err)
	if !ok {
		return resp, claims, err
	}
	rec.atStorage = true
	stored := graph.Request{Method: graph.Get, Path: r.Path, Storage: moved.to, Sink: r.Sink, MaxBytes: r.MaxBytes}
	if err := g.admitStorage(stored); err != nil {
		return nil, "", &graph.Error{Kind: graph.KindRefused, Exchange: rec.Exchange, Err: err}
	}
	return g.exchange(ctx, stored, rec)
}

// movedError is a 302 that is to be followed.
type movedError struct{ to string }

func (*movedError) Error() string { return "answered 302" }

// exchange sends one HTTP request and reads its answer.
func (g *Gateway) exchange(ctx context.Context, r graph.Request, rec *record) (_ *graph.Response, claims string, _ error) {
	ctx, body, stop := watch(ctx)
	defer stop()
	var wrote atomic.Bool // whether any of the request may have arrived
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { wrote.Store(true) },
	})
	req, err := g.request(ctx, r, rec)
	if err != nil {
		return nil, "", &graph.Error{Kind: graph.KindRefused, Exchange: rec.Exchange, Err: err}
	}
	client := g.HTTP
	if r.Storage != "" {
		client = g.Storage
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, "", lost(r, rec, wrote.Load(), withoutURL(err))
	}
	defer func() { _ = resp.Body.Close() }() // what was needed of it has been read; nothing is left to fail
	rec.Status, rec.RequestID = resp.StatusCode, cmp.Or(resp.Header.Get("Request-Id"), rec.RequestID)
	if to := resp.Header.Get("Location"); r.Follow && resp.StatusCode == http.StatusFound && to != "" {
		return nil, "", &movedError{to}
	}
	return g.answer(r, rec, resp, body)
}

// withoutURL takes the URL out of an error of net/http: it can hold words that
// were searched for, and a storage URL is a credential.
func withoutURL(err error) error {
	if ue, ok := errors.AsType[*url.Error](err); ok {
		return fmt.Errorf("%s: %w", ue.Op, ue.Err)
	}
	return err
}

func (g *Gateway) request(ctx context.Context, r graph.Request, rec *record) (*http.Request, error) {
	var body io.Reader = http.NoBody
	if r.Body != nil {
		body = bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, g.target(r), body)
	if err != nil {
		return nil, fmt.Errorf("request: %w", withoutURL(err))
	}
	if !r.Safe() {
		req.GetBody = nil // net/http must not replay a write on a broken connection
	}
	h := req.Header
	set := func(name, value string) {
		if value != "" {
			h.Set(name, value)
		}
	}
	h.Set("User-Agent", "m365-mcp")
	h.Set("Accept", "*/*")
	if r.Sink != nil {
		h.Set("Accept-Encoding", "identity") // so that the size is known
	}
	set("If-Match", r.IfMatch)
	set("Content-Range", r.Range)
	if r.Storage != "" { // no token, and nothing else that is Graph's business
		if r.Body != nil {
			h.Set("Content-Type", cmp.Or(r.ContentType, "application/octet-stream"))
		}
		return req, nil
	}
	if r.Sink == nil && !r.Follow && !strings.HasSuffix(r.Path.Template(), "/$value") && !strings.HasSuffix(r.Path.Template(), "/content") {
		h.Set("Accept", graph.JSON)
	}
	h.Set("Authorization", "Bearer "+rec.token.Reveal())
	h.Set("Client-Request-Id", clientRequestID(rec.ID))
	h.Set("Return-Client-Request-Id", "true")
	if r.Body != nil {
		h.Set("Content-Type", cmp.Or(r.ContentType, graph.JSON))
	}
	set("Prefer", strings.Join(r.Prefer, ", "))
	if r.Eventual {
		h.Set("ConsistencyLevel", "eventual")
	}
	return req, nil
}

// target is the URL of a request that was admitted.
func (g *Gateway) target(r graph.Request) string {
	switch {
	case r.Storage != "":
		return r.Storage
	case r.Next != "":
		return r.Next
	}
	return g.base.String() + relative(r)
}

// relative is the URL below the version.
func relative(r graph.Request) string {
	if q := r.Query.Encode(); q != "" {
		return r.Path.String() + "?" + q
	}
	return r.Path.String()
}

// clientRequestID writes a ULID in the form of a UUID, which is what Graph takes:
// the same 128 bits, so that one id leads from our log to Microsoft's.
func clientRequestID(id string) string {
	u, err := ulid.ParseStrict(id)
	if err != nil {
		return id
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}

// claimsChallenge returns the decoded claims of a continuous access evaluation
// challenge (https://learn.microsoft.com/entra/identity-platform/claims-challenge).
func claimsChallenge(headers []string) string {
	for _, h := range headers {
		_, after, found := strings.Cut(h, `claims="`)
		value, _, closed := strings.Cut(after, `"`)
		if !found || !closed || !strings.Contains(h, "insufficient_claims") {
			continue
		}
		claims, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			claims, err = base64.RawURLEncoding.DecodeString(strings.TrimRight(value, "="))
		}
		if err == nil {
			return string(claims)
		}
	}
	return ""
}

// interrupted reports whether err is the caller's own cancellation.
func interrupted(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

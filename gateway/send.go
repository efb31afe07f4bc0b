package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"

	"github.com/oklog/ulid/v2"

	"m365mcp/graph"
	"m365mcp/internal/secret"
)

// maxAnswer bounds an answer that is held in memory: 50 mails with their
// longest previews are below 1 MiB.
const maxAnswer = 16 << 20

// send makes one HTTP exchange. claims is the claims challenge of a 401.
func (g *Gateway) send(ctx context.Context, r graph.Request, rec *record, token secret.String) (_ *graph.Response, claims string, _ error) {
	var wrote atomic.Bool // whether any of the request may have reached Graph
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { wrote.Store(true) },
	})
	req, err := g.request(ctx, r, rec, token)
	if err != nil {
		return nil, "", &graph.Error{Kind: graph.KindRefused, Exchange: rec.Exchange, Err: err}
	}
	rec.Attempts++
	rec.Status, rec.RequestID = 0, ""
	resp, err := g.HTTP.Do(req)
	if err != nil {
		return nil, "", lost(r, rec, wrote.Load(), err)
	}
	defer func() { _ = resp.Body.Close() }() // read to the end below; nothing is left to fail
	rec.Status, rec.RequestID = resp.StatusCode, resp.Header.Get("Request-Id")
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	rec.bytes = len(body)
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("answer is longer than %d bytes", maxAnswer)
	}
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		if err != nil && !r.Safe() {
			err = nil // done by its status; a write's answer is not worth calling it unknown
		}
		if err != nil {
			return nil, "", lost(r, rec, true, err)
		}
		return &graph.Response{Status: resp.StatusCode, Body: body, Exchange: rec.Exchange}, "", nil
	case resp.StatusCode < 400: // a redirect: not followed, and no JSON of Graph
		return nil, "", &graph.Error{Kind: graph.KindProtocol, Exchange: rec.Exchange, Err: fmt.Errorf("answered %d", resp.StatusCode)}
	}
	ge := graph.ParseError(rec.Exchange, body, graph.ParseRetryAfter(resp.Header.Get("Retry-After"), g.Now()))
	if !r.Safe() && ambiguous(resp.StatusCode) {
		ge.Kind = graph.KindUnknown
	}
	return nil, claimsChallenge(resp.Header.Values("WWW-Authenticate")), ge
}

// ambiguous reports whether a write may have happened although its answer is an
// error: the server failed in the middle, or somebody in between gave up waiting.
// 429 and 503 are refusals before the work begins.
func ambiguous(status int) bool {
	return status >= 500 && status != http.StatusServiceUnavailable && status != http.StatusNotImplemented
}

// lost classifies a request without a usable answer.
func lost(r graph.Request, rec *record, wrote bool, err error) *graph.Error {
	kind := graph.KindNetwork
	if wrote && !r.Safe() {
		kind = graph.KindUnknown
	}
	return &graph.Error{Kind: kind, Exchange: rec.Exchange, Err: err}
}

func (g *Gateway) request(ctx context.Context, r graph.Request, rec *record, token secret.String) (*http.Request, error) {
	target := g.base + r.Path.String()
	if q := r.Query.Encode(); q != "" {
		target += "?" + q
	}
	var body io.Reader = http.NoBody
	if r.Body != nil {
		body = bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, target, body)
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	if !r.Safe() {
		req.GetBody = nil // net/http must not replay a write on a broken connection
	}
	req.Header.Set("Authorization", "Bearer "+token.Reveal())
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "m365-mcp")
	req.Header.Set("Client-Request-Id", clientRequestID(rec.ID))
	req.Header.Set("Return-Client-Request-Id", "true")
	if r.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if len(r.Prefer) > 0 {
		req.Header.Set("Prefer", strings.Join(r.Prefer, ", "))
	}
	return req, nil
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

package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"time"

	"m365mcp/graph"
)

// maxAnswer bounds an answer that is held in memory: 50 mails with their
// longest previews are below 1 MiB.
const maxAnswer = 16 << 20

// patience is how long an answer may bring nothing before it counts as broken off.
const patience = time.Minute

var errIdle = fmt.Errorf("nothing arrived for %s", patience)

// watched reads a body and ends the exchange when nothing arrives any more.
// Only waiting for the body counts, not what is done with it in between.
type watched struct {
	ctx   context.Context //nolint:containedctx // of this one exchange; its cause says why a read failed
	body  io.Reader
	timer *time.Timer
	n     int64
	err   error // of the body, io.EOF aside
}

// watch prepares for a body; stop must be called when it was read.
func watch(ctx context.Context) (_ context.Context, w *watched, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	w = &watched{ctx: ctx, timer: time.AfterFunc(patience, func() { cancel(errIdle) })}
	w.timer.Stop()
	return ctx, w, func() { w.timer.Stop(); cancel(nil) }
}

func (w *watched) Read(p []byte) (int, error) {
	w.timer.Reset(patience)
	n, err := w.body.Read(p)
	w.timer.Stop()
	w.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		if errors.Is(context.Cause(w.ctx), errIdle) {
			err = errIdle
		}
		w.err = err
	}
	return n, err //nolint:wrapcheck // io.EOF must stay itself
}

// keep reads a body into memory.
func (w *watched) keep(r graph.Request) ([]byte, error) {
	limit := r.MaxBytes
	if limit <= 0 {
		limit = maxAnswer
	}
	body, err := io.ReadAll(io.LimitReader(w, limit+1))
	if err == nil && int64(len(body)) > limit {
		return body[:limit], fmt.Errorf("%w: more than %d bytes", graph.ErrTooLarge, limit)
	}
	return body, err
}

// sinkError is the failure of whoever takes the bytes, not of Graph.
type sinkError struct{ cause error }

func (e *sinkError) Error() string { return "taking the answer: " + e.cause.Error() }
func (e *sinkError) Unwrap() error { return e.cause }

// pour streams a body to the request's Sink.
func (w *watched) pour(r graph.Request, resp *http.Response) error {
	if r.MaxBytes > 0 && resp.ContentLength > r.MaxBytes {
		return fmt.Errorf("%w: %d bytes, more than %d", graph.ErrTooLarge, resp.ContentLength, r.MaxBytes)
	}
	sink, err := r.Sink(resp.Header.Get("Content-Type"), resp.ContentLength)
	if err != nil {
		return &sinkError{err}
	}
	var body io.Reader = w
	if r.MaxBytes > 0 {
		body = io.LimitReader(w, r.MaxBytes)
	}
	if _, err := io.Copy(sink, body); err != nil {
		if w.err != nil {
			return w.err
		}
		return &sinkError{err}
	}
	if r.MaxBytes > 0 {
		if n, _ := io.ReadFull(w, make([]byte, 1)); n > 0 {
			return fmt.Errorf("%w: more than %d bytes", graph.ErrTooLarge, r.MaxBytes)
		}
		return w.err
	}
	return nil
}

// answer reads an HTTP answer and says what it means.
func (g *Gateway) answer(r graph.Request, rec *record, resp *http.Response, w *watched) (_ *graph.Response, claims string, _ error) {
	w.body = resp.Body
	defer func() { rec.bytes = w.n }()
	done := resp.StatusCode >= 200 && resp.StatusCode < 300
	if done && r.Sink != nil {
		rec.streamed = true
		if err := w.pour(r, resp); err != nil {
			return nil, "", broken(r, rec, err)
		}
		return &graph.Response{Status: resp.StatusCode, Header: keptHeader(resp.Header.Get), Exchange: rec.Exchange}, "", nil
	}
	body, err := w.keep(r)
	switch {
	case done && err != nil && r.Safe():
		return nil, "", broken(r, rec, err)
	case done: // by its status; a write's answer is not worth calling it unknown
		return &graph.Response{Status: resp.StatusCode, Body: body, Header: keptHeader(resp.Header.Get), Exchange: rec.Exchange}, "", nil
	}
	failure := g.failure(r, rec.Exchange, resp.StatusCode, body, resp.Header.Get("Retry-After"))
	return nil, claimsChallenge(resp.Header.Values("WWW-Authenticate")), failure
}

// failure is an answer of any other status than 2xx.
func (g *Gateway) failure(r graph.Request, x graph.Exchange, status int, body []byte, retryAfter string) *graph.Error {
	if status < 400 { // a redirect that is not followed, and no JSON of Graph
		return &graph.Error{Kind: graph.KindProtocol, Exchange: x, Err: fmt.Errorf("answered %d", status)}
	}
	ge := graph.ParseError(x, body, graph.ParseRetryAfter(retryAfter, g.Now()))
	if !r.Safe() && ambiguous(status) {
		ge.Kind = graph.KindUnknown
	}
	return ge
}

// ambiguous reports whether a write may have happened although its answer is an
// error: the server failed in the middle, or somebody in between gave up waiting.
// 429 and 503 are refusals before the work begins.
func ambiguous(status int) bool {
	return status >= 500 && status != http.StatusServiceUnavailable && status != http.StatusNotImplemented && status != http.StatusInsufficientStorage
}

// broken classifies an answer that could not be taken to its end.
func broken(r graph.Request, rec *record, err error) error {
	if errors.As(err, new(*sinkError)) {
		return err
	}
	if errors.Is(err, graph.ErrTooLarge) {
		return &graph.Error{Kind: graph.KindProtocol, Exchange: rec.Exchange, Err: err}
	}
	return lost(r, rec, true, err)
}

// lost classifies a request without a usable answer.
func lost(r graph.Request, rec *record, wrote bool, err error) *graph.Error {
	kind := graph.KindNetwork
	if wrote && !r.Safe() {
		kind = graph.KindUnknown
	}
	return &graph.Error{Kind: kind, Exchange: rec.Exchange, Err: err}
}

// keptHeader takes along the few fields that callers may need.
func keptHeader(get func(string) string) textproto.MIMEHeader {
	kept := textproto.MIMEHeader{}
	for _, name := range []string{"Location", "ETag", "Content-Type", "Retry-After"} {
		if v := get(name); v != "" {
			kept.Set(name, v)
		}
	}
	return kept
}

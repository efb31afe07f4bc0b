package graph

import (
	"context"
	"encoding/json"
	"fmt"
)

// Methods that requests use.
const (
	Get  = "GET"
	Post = "POST"
)

// Request is one call to Graph, not yet sent.
type Request struct {
	Method string
	Path   Path
	Query  Query
	Prefer []string // values of the Prefer header
	Body   []byte   // JSON, nil for none
}

// Safe reports whether the request only reads (RFC 9110 section 9.2.1), and so may be repeated.
func (r Request) Safe() bool { return r.Method == Get }

// PostJSON makes a POST request with body as JSON.
func PostJSON(path Path, body any) (Request, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return Request{}, fmt.Errorf("request body: %w", err)
	}
	return Request{Method: Post, Path: path, Body: b}, nil
}

// Response is a 2xx answer.
type Response struct {
	Status int
	Body   []byte
	Exchange
}

// Decode reads the JSON body into v.
func (r *Response) Decode(v any) error {
	if err := json.Unmarshal(r.Body, v); err != nil {
		return &Error{Kind: KindProtocol, Exchange: r.Exchange, Err: fmt.Errorf("answer of Graph: %w", err)}
	}
	return nil
}

// Exchange identifies a request that was sent, for logs, audit and support cases.
type Exchange struct {
	ID        string // ours: a ULID, sent as client-request-id in UUID form
	RequestID string // Graph's request-id
	Method    string
	Path      string // template
	Status    int    // 0: no answer
	Attempts  int
}

// Doer sends requests of one decided tool call.
//
// Do returns an answer of status 2xx, or an *Error, or ctx's error when
// nothing was sent. It is safe for concurrent use.
type Doer interface {
	Do(ctx context.Context, r Request) (*Response, error)
}

package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/textproto"
	"slices"
	"strings"
)

// Methods that requests use.
const (
	Get    = "GET"
	Post   = "POST"
	Patch  = "PATCH"
	Put    = "PUT"
	Delete = "DELETE"
	Head   = "HEAD" // of linked apps alone
)

// JSON is the content type of a body that names none.
const JSON = "application/json"

// Request is one call to Graph, or to a linked app, not yet sent.
type Request struct {
	App         string // the linked app that it goes to; "" is Graph. It takes Method, Path, Query and Body alone
	Method      string
	Path        Path
	Query       Query
	Prefer      []string // values of the Prefer header
	Body        []byte   // nil for none
	ContentType string   // of Body; "" is application/json
	IfMatch     string   // ETag that the item must still have
	Eventual    bool     // ConsistencyLevel: eventual, which $count and $search of the directory need

	// Next is an @odata.nextLink: opaque, followed unchanged instead of Path and
	// Query. Path stays and says whose pages these are; a link that leads
	// anywhere else is refused.
	Next string

	// Sub are the parts of POST /$batch, at most [MaxBatch]; [Batch] makes them.
	Sub []Request

	// Storage is a pre-authorized URL that Graph gave out for the bytes of a file:
	// used instead of Path and Query, without any token, on allowed hosts only.
	// The URL is a credential: Path stands for it in logs.
	Storage string
	Range   string // Content-Range of an upload chunk

	// Sink is told of a 2xx answer (size is -1 where it is not known) and takes
	// its body, which is then not kept. An answer that breaks off in the middle
	// is an error, and is not asked for again.
	Sink func(contentType string, size int64) (io.Writer, error)

	// Follow lets one 302 lead to an allowed storage host, without a token.
	Follow bool

	// MaxBytes bounds the answer. 0 is the gateway's default for what is kept in
	// memory, and no bound for what goes to Sink.
	MaxBytes int64
}

// readingPosts are the last segments of POSTs that Graph documents as reading.
var readingPosts = []string{"findMeetingTimes", "getSchedule", "getMailTips", "getPresencesByUserId"}

// batchPath and searchPath are fixed in Graph.
const (
	batchPath  = "/$batch"
	searchPath = "/search/query"
)

// Safe reports whether the request only reads (RFC 9110 section 9.2.1), and so
// may be repeated. The template decides, never a value that stands in the path.
func (r Request) Safe() bool {
	template := r.Path.Template()
	switch {
	case r.App != "":
		return r.Method == Get || r.Method == Head
	case r.Method == Get:
		return true
	case r.Method != Post || r.Storage != "":
		return false
	case template == batchPath:
		return len(r.Sub) > 0 && !slices.ContainsFunc(r.Sub, func(s Request) bool { return !s.Safe() })
	case template == searchPath:
		return true
	}
	return slices.Contains(readingPosts, template[strings.LastIndexByte(template, '/')+1:])
}

// Route is what stands before the path in evidence: the linked app, or nothing for Graph.
func (r Request) Route() string {
	if r.App == "" {
		return ""
	}
	return "app:" + r.App
}

// Equal reports whether both would send the same, to the same place.
func (r Request) Equal(o Request) bool { return bytes.Equal(r.Canonical(), o.Canonical()) }

// PostJSON makes a POST request with body as JSON.
func PostJSON(path Path, body any) (Request, error) { return withJSON(Post, path, body) }

// PatchJSON makes a PATCH request with body as JSON.
func PatchJSON(path Path, body any) (Request, error) { return withJSON(Patch, path, body) }

func withJSON(method string, path Path, body any) (Request, error) {
	b, err := json.Marshal(body)
	if err != nil {
		return Request{}, fmt.Errorf("request body: %w", err)
	}
	return Request{Method: method, Path: path, Body: b}, nil
}

// Response is a 2xx answer.
type Response struct {
	Status int
	Body   []byte               // empty after a Sink
	Header textproto.MIMEHeader // Location, ETag, Content-Type and Retry-After alone
	Sub    []BatchResult        // of a batch, in the order of the request's
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
// nothing was sent, or the error of the request's Sink. It is safe for
// concurrent use.
type Doer interface {
	Do(ctx context.Context, r Request) (*Response, error)
}

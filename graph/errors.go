package graph

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Kind says who refused or failed.
type Kind int

// The kinds of failure.
const (
	KindGraph    Kind = iota // Graph answered with an error
	KindNetwork              // no answer, and the request cannot have had an effect
	KindUnknown              // no usable answer to a write: it may or may not have happened
	KindProtocol             // an answer that is not what Graph sends
	KindSignIn               // the person has to sign in at Microsoft again
	KindRevoked              // access was revoked while the call ran
	KindSealed               // the stored tokens cannot be opened with the server's key
	KindRefused              // the gateway refuses: not bound to a decided call, wrong method
)

// ErrTooLarge means that an answer is longer than the request allows.
var ErrTooLarge = errors.New("answer is too large")

// Error is a failed request.
type Error struct {
	App        string // the linked app that it was for; "" is Graph
	Kind       Kind
	Code       string // Graph's error.code; may be empty
	InnerCode  string // the most specific innerError.code, which SharePoint sets; may be empty
	Message    string // Graph's error.message: for people, never to branch on
	RetryAfter time.Duration
	Exchange
	Err error // cause, for logs
}

func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: ", e.Method, e.Path)
	switch {
	case e.Kind == KindGraph:
		fmt.Fprintf(&b, "%s answered %d %s", cmp.Or(e.App, "Graph"), e.Status, e.Code)
	case e.Err != nil:
		b.WriteString(e.Err.Error())
	default:
		fmt.Fprintf(&b, "failed (kind %d)", e.Kind)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request-id %s)", e.RequestID)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// ParseError reads Graph's error body. A body that is none, such as a proxy's
// HTML page, leaves Code and Message empty: the status alone speaks then.
func ParseError(x Exchange, body []byte, retryAfter time.Duration) *Error {
	var parsed struct {
		Error struct {
			Code    string      `json:"code"`
			Message string      `json:"message"`
			Inner   *innerError `json:"innerError"` // older services write innererror: read without regard to case
		} `json:"error"`
	}
	e := &Error{Kind: KindGraph, Exchange: x, RetryAfter: retryAfter}
	if json.Unmarshal(body, &parsed) == nil {
		e.Code, e.Message = parsed.Error.Code, parsed.Error.Message
		for inner := parsed.Error.Inner; inner != nil; inner = inner.Inner {
			if inner.Code != "" {
				e.InnerCode = inner.Code
			}
		}
		if inner := parsed.Error.Inner; inner != nil && e.RequestID == "" {
			e.RequestID = inner.RequestID
		}
	}
	return e
}

type innerError struct {
	Code      string      `json:"code"`
	RequestID string      `json:"request-id"`
	Inner     *innerError `json:"innerError"`
}

// ParseRetryAfter reads a Retry-After header: seconds or an HTTP date (RFC 9110
// section 10.2.3). What it cannot read is zero.
func ParseRetryAfter(v string, now time.Time) time.Duration {
	v = strings.TrimSpace(v)
	if s, err := strconv.ParseUint(v, 10, 31); err == nil {
		return time.Duration(s) * time.Second
	}
	if t, err := time.Parse(time.RFC1123, v); err == nil && t.After(now) {
		return t.Sub(now)
	}
	return 0
}

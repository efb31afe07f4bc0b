package gateway

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"

	"m365mcp/graph"
)

// batch is a $batch under way (https://learn.microsoft.com/graph/json-batching).
// Its parts are counted, recorded and answered each alone, as if they had been
// sent alone; only the place at the mailbox is one for all.
type batch struct {
	session  *Session
	outer    *record // of the HTTP request that carries the parts
	subs     []graph.Request
	recs     []*record
	results  []graph.BatchResult
	pending  []int // parts to ask again
	answered bool  // by Graph at least once, as a batch
	renewed  bool  // the token, after a part was refused for it
}

func (s *Session) batch(ctx context.Context, r graph.Request, outer *record) (*graph.Response, error) {
	if err := s.admit(r); err != nil {
		err = &graph.Error{Kind: graph.KindRefused, Exchange: outer.Exchange, Err: err}
		s.log(ctx, outer, nil, err)
		return nil, err
	}
	b := &batch{session: s, outer: outer, subs: r.Sub, results: make([]graph.BatchResult, len(r.Sub))}
	for i, sub := range r.Sub {
		rec := s.record(sub)
		rec.batch = outer.ID
		b.recs, b.pending = append(b.recs, rec), append(b.pending, i)
	}
	_, err := s.repeat(ctx, func() (*graph.Response, error) { return nil, b.round(ctx) })
	var resp *graph.Response
	if b.answered {
		resp, err = &graph.Response{Status: http.StatusOK, Sub: b.results, Exchange: outer.Exchange}, nil
	}
	s.log(ctx, outer, resp, err)
	for i, rec := range b.recs {
		s.finish(ctx, rec, b.results[i].Response, cmp.Or(b.results[i].Err, err))
	}
	return resp, err
}

// round asks for everything that is pending, and leaves pending what is worth
// another round: reads that were throttled, or were lost together. Its error is
// for the retry policy, which waits in between.
func (b *batch) round(ctx context.Context) error {
	asked := b.pending
	b.pending = nil
	var retryAfter time.Duration
	for len(asked) > 0 {
		part := graph.Request{Method: graph.Post, Path: graph.Fixed(batchPath)}
		for _, i := range asked {
			part.Sub = append(part.Sub, b.subs[i])
		}
		err := b.send(ctx, part, asked)
		if err != nil {
			b.failed(asked, err)
			if !part.Safe() {
				return &finalError{err}
			}
			b.pending = append(b.pending, asked...)
			return err
		}
		b.answered = true
		var refused []int // for the token: nothing was done, and asking again is safe for all
		for _, i := range asked {
			ge, _ := errors.AsType[*graph.Error](b.results[i].Err)
			switch {
			case ge == nil:
			case ge.Kind == graph.KindGraph && ge.Status == http.StatusUnauthorized:
				refused = append(refused, i)
			case b.subs[i].Safe() && b.session.gw.Retry.worthRepeating(ge):
				b.pending = append(b.pending, i)
				retryAfter = max(retryAfter, ge.RetryAfter)
			}
		}
		asked = b.renew(ctx, refused)
	}
	if len(b.pending) > 0 {
		return &graph.Error{Kind: graph.KindGraph, RetryAfter: retryAfter, Exchange: graph.Exchange{Status: http.StatusTooManyRequests, Attempts: b.outer.Attempts}}
	}
	return nil
}

// send carries the parts asked for to Graph and enters their answers.
func (b *batch) send(ctx context.Context, part graph.Request, asked []int) error {
	body, err := envelope(b.subs, asked)
	if err != nil {
		return &graph.Error{Kind: graph.KindRefused, Exchange: b.outer.Exchange, Err: err}
	}
	part.Body = body
	before := b.outer.Attempts
	resp, err := b.session.attempt(ctx, part, b.outer)
	for _, i := range asked {
		b.recs[i].Attempts += b.outer.Attempts - before
	}
	if err != nil {
		return err
	}
	answers, malformed := parseAnswers(resp.Body)
	for _, i := range asked {
		b.settle(i, answers[strconv.Itoa(i+1)], malformed)
	}
	return nil
}

// failed enters what the failure of all means for the parts asked for.
func (b *batch) failed(asked []int, err error) {
	for _, i := range asked {
		b.recs[i].Status, b.recs[i].RequestID = b.outer.Status, b.outer.RequestID
		b.results[i] = graph.BatchResult{Err: graph.PartError(b.subs[i], b.recs[i].Exchange, err)}
	}
}

// renew says what can be asked again at once with a new token: all, or nothing
// after the second time or a claims challenge.
func (b *batch) renew(ctx context.Context, refused []int) []int {
	if len(refused) == 0 {
		return nil
	}
	var claims string
	for _, i := range refused {
		claims = cmp.Or(claims, b.recs[i].claims)
	}
	g := b.session.gw
	rejected := g.Credentials.Reject(ctx, b.session.call.Principal, b.outer.token, claims)
	if rejected == nil && claims == "" && !b.renewed {
		b.renewed = true
		return refused
	}
	for _, i := range refused {
		if ge, ok := errors.AsType[*graph.Error](b.results[i].Err); ok && rejected == nil {
			ge.Kind = graph.KindSignIn
		}
		b.results[i].Err = errors.Join(b.results[i].Err, rejected)
	}
	return nil
}

// settle enters the answer to one part; nil for none.
func (b *batch) settle(i int, a *answer, malformed error) {
	r, rec := b.subs[i], b.recs[i]
	if a == nil || a.Status < 100 {
		rec.Status, rec.RequestID = 0, b.outer.RequestID
		kind := graph.KindProtocol
		if !r.Safe() {
			kind = graph.KindUnknown
		}
		b.results[i] = graph.BatchResult{Err: &graph.Error{
			Kind: kind, Exchange: rec.Exchange, Err: cmp.Or(malformed, errors.New("the batch has no answer to this request")),
		}}
		return
	}
	body := a.bytes()
	rec.Status, rec.RequestID, rec.bytes = a.Status, cmp.Or(a.header("Request-Id"), b.outer.RequestID), int64(len(body))
	if a.Status >= 200 && a.Status < 300 {
		b.results[i] = graph.BatchResult{Response: &graph.Response{Status: a.Status, Body: body, Header: keptHeader(a.header), Exchange: rec.Exchange}}
		return
	}
	rec.claims = claimsChallenge([]string{a.header("Www-Authenticate")})
	b.results[i] = graph.BatchResult{Err: b.session.gw.failure(r, rec.Exchange, a.Status, body, a.header("Retry-After"))}
}

// part is one request as $batch takes it.
type part struct {
	ID      string            `json:"id"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    json.RawMessage   `json:"body,omitempty"`
}

// envelope is the body of a batch of those of the requests that are asked for;
// each keeps the id of its place.
func envelope(subs []graph.Request, asked []int) ([]byte, error) {
	parts := make([]part, 0, len(asked))
	for _, i := range asked {
		r := subs[i]
		p := part{ID: strconv.Itoa(i + 1), Method: r.Method, URL: relative(r), Headers: map[string]string{}}
		for name, value := range map[string]string{"If-Match": r.IfMatch, "Prefer": strings.Join(r.Prefer, ", ")} {
			if value != "" {
				p.Headers[name] = value
			}
		}
		if r.Eventual {
			p.Headers["ConsistencyLevel"] = "eventual"
		}
		if r.Body != nil {
			contentType := cmp.Or(r.ContentType, graph.JSON)
			p.Headers["Content-Type"] = contentType
			p.Body = r.Body
			if !isJSON(contentType) { // other bodies are base64
				p.Body, _ = json.Marshal(base64.StdEncoding.EncodeToString(r.Body)) // a string is always JSON
			}
		}
		parts = append(parts, p)
	}
	body, err := json.Marshal(map[string]any{"requests": parts})
	if err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	return body, nil
}

// answer is one answer as $batch gives it.
type answer struct {
	ID      string          `json:"id"`
	Status  int             `json:"status"`
	Headers map[string]any  `json:"headers"`
	Body    json.RawMessage `json:"body"`
}

// parseAnswers reads the body of a batch's answer, by id; of two with the same
// id the first counts.
func parseAnswers(body []byte) (map[string]*answer, error) {
	var all struct {
		Responses []*answer `json:"responses"`
	}
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, fmt.Errorf("the answer of the batch: %w", err)
	}
	out := make(map[string]*answer, len(all.Responses))
	for _, a := range slices.Backward(all.Responses) {
		if a != nil {
			out[a.ID] = a
		}
	}
	return out, nil
}

func (a *answer) header(name string) string {
	for k, v := range a.Headers {
		if s, ok := v.(string); ok && textproto.CanonicalMIMEHeaderKey(k) == textproto.CanonicalMIMEHeaderKey(name) {
			return s
		}
	}
	return ""
}

// bytes is the body as it would have come alone: what is no JSON comes as base64.
func (a *answer) bytes() []byte {
	var text string
	if string(a.Body) == "null" {
		return nil
	}
	if isJSON(cmp.Or(a.header("Content-Type"), graph.JSON)) || json.Unmarshal(a.Body, &text) != nil {
		return a.Body
	}
	if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
		return raw
	}
	return []byte(text)
}

func isJSON(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	media = strings.ToLower(strings.TrimSpace(media))
	return media == graph.JSON || strings.HasSuffix(media, "+json")
}

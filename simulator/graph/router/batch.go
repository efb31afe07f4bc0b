package router

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/service"
)

// maxBatch is how many requests one $batch may hold.
const maxBatch = 20

// batchRequest is one of the requests of a $batch (Graph, "Combine multiple
// requests in one HTTP call").
type batchRequest struct {
	ID        string            `json:"id"`
	Method    string            `json:"method"`
	URL       string            `json:"url"`
	Headers   map[string]string `json:"headers"`
	Body      json.RawMessage   `json:"body"`
	DependsOn []string          `json:"dependsOn"`
}

// batch answers the requests one after the other, each with its own status,
// limits and faults. The answers come in another order than the requests, as
// Graph leaves it open.
func (s *Server) batch(c *call) (*service.Answer, error) {
	if c.batch != "" {
		return nil, apierror.BadRequest("BadRequest", "A $batch cannot hold another one.")
	}
	requests, err := parseBatch(c.body)
	if err != nil {
		return nil, err
	}
	statuses := map[string]int{}
	responses := make([]any, 0, len(requests))
	for _, sub := range requests {
		if slices.ContainsFunc(sub.DependsOn, func(id string) bool { return statuses[id] >= http.StatusBadRequest }) {
			statuses[sub.ID] = http.StatusFailedDependency
			responses = append(responses, failedDependency(sub.ID))
			continue
		}
		answer, err := s.runBatched(c, sub)
		if err != nil {
			return nil, err
		}
		statuses[sub.ID] = answer.status
		responses = append(responses, answer.response(sub.ID))
	}
	slices.Reverse(responses)
	return &service.Answer{Status: http.StatusOK, Value: map[string]any{"responses": responses}}, nil
}

func failedDependency(id string) map[string]any {
	return map[string]any{
		"id": id, "status": http.StatusFailedDependency, "headers": map[string]string{"Content-Type": "application/json"},
		"body": map[string]any{"error": map[string]any{"code": "424", "message": "Failed Dependency: a request that this one depends on has failed."}},
	}
}

// parseBatch checks what Graph checks before it runs anything, and orders the
// requests so that each comes after those that it depends on.
func parseBatch(raw []byte) ([]batchRequest, error) {
	var in struct {
		Requests []batchRequest `json:"requests"`
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, apierror.BadRequest("BadRequest", "Invalid batch payload format.")
	}
	switch n := len(in.Requests); {
	case n == 0:
		return nil, apierror.BadRequest("BadRequest", "The batch holds no requests.")
	case n > maxBatch:
		return nil, apierror.BadRequest("MaximumValueExceeded", "Number of batch request steps exceeds the maximum value of %d.", maxBatch)
	}
	seen := map[string]bool{}
	for _, sub := range in.Requests {
		if err := sub.check(); err != nil {
			return nil, err
		}
		if seen[sub.ID] {
			return nil, apierror.BadRequest("BadRequest", "Duplicate request id '%s' in the batch.", sub.ID)
		}
		for _, id := range sub.DependsOn {
			if !seen[id] { // Graph runs them in the order of the array
				return nil, apierror.BadRequest("BadRequest", "The request '%s' depends on '%s', which does not come before it.", sub.ID, id)
			}
		}
		seen[sub.ID] = true
	}
	return in.Requests, nil
}

func (b batchRequest) check() error {
	known := []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodPut, http.MethodDelete}
	switch {
	case b.ID == "":
		return apierror.BadRequest("BadRequest", "A request of the batch has no id.")
	case !slices.Contains(known, strings.ToUpper(b.Method)):
		return apierror.BadRequest("BadRequest", "Invalid method '%s' of the request '%s'.", b.Method, b.ID)
	case b.URL == "" || strings.Contains(b.URL, "://") || strings.HasPrefix(b.URL, "//"):
		return apierror.BadRequest("BadRequest", "The url of the request '%s' must be relative.", b.ID)
	}
	hasType := slices.ContainsFunc(slices.Collect(maps.Keys(b.Headers)), func(name string) bool { return strings.EqualFold(name, "Content-Type") })
	if b.hasBody() && !hasType {
		return apierror.BadRequest("BadRequest", "Write request id : %s does not contain Content-Type header or body.", b.ID)
	}
	return nil
}

func (b batchRequest) hasBody() bool { return len(b.Body) > 0 && !bytes.Equal(b.Body, []byte("null")) }

// content is the body as it would have been sent alone: what is no JSON
// travels as a string of base64.
func (b batchRequest) content() ([]byte, error) {
	if !b.hasBody() {
		return nil, nil
	}
	for name, value := range b.Headers {
		if strings.EqualFold(name, "Content-Type") && !strings.Contains(value, "json") {
			var encoded string
			if err := json.Unmarshal(b.Body, &encoded); err != nil {
				return nil, apierror.BadRequest("BadRequest", "The body of the request '%s' must be base64.", b.ID)
			}
			raw, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil {
				return nil, apierror.BadRequest("BadRequest", "The body of the request '%s' must be base64.", b.ID)
			}
			return raw, nil
		}
	}
	return b.Body, nil
}

// runBatched sends one request through the server like any other.
func (s *Server) runBatched(c *call, sub batchRequest) (*recorder, error) {
	body, err := sub.content()
	if err != nil {
		return nil, err
	}
	target, err := url.Parse("/v1.0/" + strings.TrimPrefix(sub.URL, "/"))
	if err != nil {
		return nil, apierror.BadRequest("BadRequest", "The url of the request '%s' is invalid.", sub.ID)
	}
	ctx := context.WithValue(c.r.Context(), batchKey{}, c.requestID)
	r, err := http.NewRequestWithContext(ctx, strings.ToUpper(sub.Method), target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	for name, value := range sub.Headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("Authorization", c.r.Header.Get("Authorization"))
	out := &recorder{header: http.Header{}}
	s.ServeHTTP(out, r)
	return out, nil
}

// recorder is a response that stays here.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements http.ResponseWriter.
func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(b)
}

// response is the answer as a part of the outer one.
func (r *recorder) response(id string) map[string]any {
	headers := map[string]string{}
	for _, name := range []string{"Content-Type", "Location", "ETag", "Retry-After", "Preference-Applied", "request-id", "client-request-id"} {
		if value := r.header.Get(name); value != "" {
			headers[name] = value
		}
	}
	out := map[string]any{"id": id, "status": r.status, "headers": headers}
	switch {
	case r.body.Len() == 0:
	case strings.Contains(r.header.Get("Content-Type"), "json"):
		out["body"] = json.RawMessage(r.body.Bytes())
	default:
		out["body"] = base64.StdEncoding.EncodeToString(r.body.Bytes())
	}
	return out
}

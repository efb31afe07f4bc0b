package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"m365mcp/simulator/graph/apierror"
)

const (
	jsonType   = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
	diagnostic = `{"ServerInfo":{"DataCenter":"Simulated","Slice":"E","Ring":"1","ScaleUnit":"001","RoleInstance":"SIM0000000001"}}`
	errorDate  = "2006-01-02T15:04:05"
)

// answer is a success: a JSON value, raw bytes, or nothing.
type answer struct {
	status      int
	value       map[string]any
	raw         []byte
	contentType string // of raw
	preferences bool   // whether the Prefer headers had a say
}

func (s *Server) commonHeaders(w http.ResponseWriter, c *call) http.Header {
	h := w.Header()
	h.Set("request-id", c.requestID)
	h.Set("client-request-id", c.clientID)
	h.Set("x-ms-ags-diagnostic", diagnostic)
	h.Set("Date", s.opts.Now().UTC().Format(http.TimeFormat))
	h.Set("Cache-Control", "private")
	return h
}

func (s *Server) write(ctx context.Context, w http.ResponseWriter, c *call, a *answer) {
	h := s.commonHeaders(w, c)
	if applied := c.prefer.Applied(); a.preferences && applied != "" {
		h.Set("Preference-Applied", applied)
	}
	body := a.raw
	switch {
	case a.value != nil:
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(a.value); err != nil {
			s.writeError(ctx, w, c, err)
			return
		}
		body = b.Bytes()
		h.Set("Content-Type", jsonType)
		h.Set("OData-Version", "4.0")
		if etag, ok := a.value["@odata.etag"].(string); ok {
			h.Set("ETag", etag)
		}
	case a.contentType != "":
		h.Set("Content-Type", a.contentType)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(body) // a client that has gone is no concern of the simulator
}

func (s *Server) writeError(ctx context.Context, w http.ResponseWriter, c *call, err error) {
	api := new(apierror.Error)
	if !errors.As(err, &api) {
		s.opts.Logger.ErrorContext(ctx, "simulated graph failed", "error", err)
		api = &apierror.Error{Status: http.StatusInternalServerError, Code: "ErrorInternalServerError", Message: "An internal server error occurred. The operation failed."}
	}
	h := s.commonHeaders(w, c)
	for name, value := range api.Header {
		h.Set(name, value)
	}
	body, err := json.Marshal(map[string]any{"error": map[string]any{
		"code":    api.Code,
		"message": api.Message,
		"innerError": map[string]string{
			"date":              s.opts.Now().UTC().Format(errorDate),
			"request-id":        c.requestID,
			"client-request-id": c.clientID,
		},
	}})
	if err != nil {
		body = nil // strings in maps always marshal
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(api.Status)
	_, _ = w.Write(body)
}

// page is the part of a list that was asked for. Of a search Exchange does not
// say how many it found.
func (s *Server) page(c *call, path string, n int, item func(i int) any) map[string]any {
	from, to, next := c.opts.Page(n)
	items := make([]any, 0, to-from)
	for i := from; i < to; i++ {
		items = append(items, item(i))
	}
	value := map[string]any{"@odata.context": s.context(c, path), "value": items}
	if next > 0 {
		value["@odata.nextLink"] = s.opts.BaseURL + c.r.URL.EscapedPath() + "?" + c.opts.Next(next)
	}
	if c.opts.Count() && !c.opts.Has("$search") {
		value["@odata.count"] = n
	}
	return value
}

// context is the @odata.context of a resource of the owner.
func (s *Server) context(c *call, path string) string {
	context := s.opts.BaseURL + "/v1.0/$metadata#users('" + c.owner.ID + "')" + path
	if names := c.opts.List("$select"); names != nil {
		context += "(" + strings.Join(names, ",") + ")"
	}
	return context
}

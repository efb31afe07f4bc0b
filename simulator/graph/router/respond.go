package router

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/service"
)

const (
	jsonType   = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
	diagnostic = `{"ServerInfo":{"DataCenter":"Simulated","Slice":"E","Ring":"1","ScaleUnit":"001","RoleInstance":"SIM0000000001"}}`
	errorDate  = "2006-01-02T15:04:05"
)

func (s *Server) commonHeaders(w http.ResponseWriter, c *call) http.Header {
	h := w.Header()
	h.Set("request-id", c.requestID)
	h.Set("client-request-id", c.clientID)
	h.Set("x-ms-ags-diagnostic", diagnostic)
	h.Set("Date", s.opts.Now().UTC().Format(http.TimeFormat))
	h.Set("Cache-Control", "private")
	return h
}

func (s *Server) write(ctx context.Context, w http.ResponseWriter, c *call, a *service.Answer) {
	h := s.commonHeaders(w, c)
	if applied := c.prefer.Applied(); a.Preferences && applied != "" {
		h.Set("Preference-Applied", applied)
	}
	body := a.Raw
	switch {
	case a.Value != nil:
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(a.Value); err != nil {
			s.writeError(ctx, w, c, err)
			return
		}
		body = b.Bytes()
		h.Set("Content-Type", jsonType)
		h.Set("OData-Version", "4.0")
		if etag, ok := a.Value["@odata.etag"].(string); ok {
			h.Set("ETag", etag)
		}
	case a.ContentType != "":
		h.Set("Content-Type", a.ContentType)
	}
	for name, value := range a.Header {
		h.Set(name, value)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.Status)
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

package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
)

const (
	jsonType       = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
	diagnostic     = `{"ServerInfo":{"DataCenter":"Simulated","Slice":"E","Ring":"1","ScaleUnit":"001","RoleInstance":"SIM0000000001"}}`
	errorDate      = "2006-01-02T15:04:05"
	graphTimestamp = "2006-01-02T15:04:05Z"
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

func (s *Server) write(w http.ResponseWriter, c *call, a *answer) {
	h := s.commonHeaders(w, c)
	if applied := c.prefer.applied(); a.preferences && applied != "" {
		h.Set("Preference-Applied", applied)
	}
	body := a.raw
	switch {
	case a.value != nil:
		var b bytes.Buffer
		encoder := json.NewEncoder(&b)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(a.value); err != nil {
			s.writeError(w, c, err)
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

func (s *Server) writeError(w http.ResponseWriter, c *call, err error) {
	api := new(apiError)
	if !errors.As(err, &api) {
		s.opts.Logger.ErrorContext(c.r.Context(), "simulated graph failed", "error", err)
		api = &apiError{status: http.StatusInternalServerError, code: "ErrorInternalServerError", message: "An internal server error occurred. The operation failed."}
	}
	h := s.commonHeaders(w, c)
	for name, value := range api.header {
		h.Set(name, value)
	}
	body, err := json.Marshal(map[string]any{"error": map[string]any{
		"code":    api.code,
		"message": api.message,
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
	w.WriteHeader(api.status)
	_, _ = w.Write(body)
}

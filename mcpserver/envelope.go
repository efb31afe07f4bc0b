package mcpserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
)

// modernRevision is the first without sessions and handshake; versions compare as text.
const modernRevision = "2026-07-28"

// maxBatch bounds what one body sets in motion: the SDK runs a batch all at once
// and holds its answers until the last one.
const maxBatch = 20

// served names the methods that this endpoint answers, and whether they need
// params. The SDK answers more than the capabilities say: it would hold a
// subscriptions/listen stream open that nothing is ever sent on, past the end
// of the token.
var served = map[string]bool{
	"initialize": true, "ping": false, "server/discover": false,
	"tools/list": false, "tools/call": true,
	"resources/list": false, "resources/templates/list": false, "resources/read": true,
	"prompts/list": false, "prompts/get": true,
}

// message is the envelope of a request, a notification or a response.
type message struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  string          `json:"method,omitempty"`
	Params  json.RawMessage `json:"params,omitempty"`
	Result  json.RawMessage `json:"result,omitempty"`
	Error   json.RawMessage `json:"error,omitempty"`
}

// fault is what is wrong with a message.
type fault struct {
	id     json.RawMessage
	code   int
	text   string
	status int
}

// checkEnvelope answers malformed messages and unknown methods as JSON-RPC does
// (sections 4 and 5.1); the SDK would answer them in plain text, without code and
// id. It hands on what it has read, written anew, so that nothing but the checked
// message is served: no second "method" key, nothing after the end.
func (a *adapter) checkEnvelope(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			next.ServeHTTP(w, r)
			return
		}
		body, f := a.readBody(w, r)
		if f != nil {
			f.write(w)
			return
		}
		messages, batch, f := a.check(body, modernRequest(r))
		if f != nil {
			f.write(w)
			return
		}
		if !batch && a.stepUp(w, r, &messages[0]) {
			return
		}
		checked, err := rewrite(messages, batch)
		if err != nil {
			malformed(err).write(w)
			return
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(checked)), int64(len(checked))
		next.ServeHTTP(w, r)
	})
}

func (a *adapter) readBody(w http.ResponseWriter, r *http.Request) ([]byte, *fault) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, a.MaxRequestBytes))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, &fault{code: jsonrpc.CodeInvalidRequest, status: http.StatusRequestEntityTooLarge, text: fmt.Sprintf("the message has more than %d bytes", tooLarge.Limit)}
	}
	if err != nil {
		return nil, &fault{code: jsonrpc.CodeParseError, status: http.StatusBadRequest, text: "the body could not be read"}
	}
	return body, nil
}

func modernRequest(r *http.Request) bool {
	return r.Header.Get("Mcp-Protocol-Version") >= modernRevision
}

// rewrite is the body of messages that were checked.
func rewrite(messages []message, batch bool) ([]byte, error) {
	if batch {
		return encode(messages)
	}
	return encode(messages[0])
}

// encode writes what was read, not more: without escapes for HTML.
func encode(v any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return out.Bytes(), err
}

// check returns the messages in a body, one where it is no batch; or what is wrong
// with it.
func (a *adapter) check(body []byte, modern bool) (messages []message, batch bool, f *fault) {
	var raw []json.RawMessage
	batch = bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("["))
	if !batch {
		raw = []json.RawMessage{body}
	} else if err := json.Unmarshal(body, &raw); err != nil {
		return nil, batch, malformed(err)
	}
	if len(raw) == 0 {
		return nil, batch, invalid(nil, "the batch is empty")
	}
	if len(raw) > maxBatch {
		return nil, batch, invalid(nil, fmt.Sprintf("the batch has %d messages; at most %d are allowed", len(raw), maxBatch))
	}
	messages = make([]message, len(raw))
	for i, one := range raw {
		if messages[i], f = a.checkOne(one); f != nil {
			switch {
			case modern && f.code == jsonrpc.CodeMethodNotFound:
				f.status = http.StatusNotFound
			case modern || batch:
				f.status = http.StatusBadRequest
			}
			return nil, batch, f
		}
	}
	return messages, batch, nil
}

// checkOne reads one message. Keys count as they are written, as in the SDK;
// decoding into the struct would take "Method" for "method".
func (a *adapter) checkOne(raw json.RawMessage) (message, *fault) {
	var keys map[string]json.RawMessage
	if !json.Valid(raw) {
		return message{}, malformed(json.Unmarshal(raw, &keys))
	}
	if json.Unmarshal(raw, &keys) != nil || keys == nil {
		return message{}, invalid(nil, "the message is no object")
	}
	m := message{ID: keys["id"], Params: keys["params"], Result: keys["result"], Error: keys["error"]}
	if m.ID != nil && !validID(m.ID) {
		return m, invalid(nil, "id is neither text nor a number")
	}
	if json.Unmarshal(keys["jsonrpc"], &m.Version) != nil || m.Version != "2.0" {
		return m, invalid(m.ID, `jsonrpc is not "2.0"`)
	}
	method, ok := keys["method"]
	if !ok {
		if m.Result == nil && m.Error == nil {
			return m, invalid(m.ID, "method is missing")
		}
		return m, nil // the answer to a request of ours
	}
	if json.Unmarshal(method, &m.Method) != nil || m.Method == "" {
		return m, invalid(m.ID, "method is not text")
	}
	if m.ID == nil {
		return m, nil // notifications have no answer, good or bad
	}
	return m, a.checkMethod(&m)
}

func (a *adapter) checkMethod(m *message) *fault {
	needsParams, ok := served[m.Method]
	if !ok && !a.extended(m.Method) {
		return &fault{m.ID, jsonrpc.CodeMethodNotFound, fmt.Sprintf("method %q is not served here", m.Method), http.StatusOK}
	}
	if string(m.Params) == "null" {
		m.Params = nil
	}
	if needsParams && m.Params == nil || m.Params != nil && m.Params[0] != '{' {
		return &fault{m.ID, jsonrpc.CodeInvalidParams, "params of " + m.Method + " must be an object", http.StatusOK}
	}
	return nil
}

func (a *adapter) extended(method string) bool {
	for _, prefix := range a.Extend.Methods {
		if strings.HasPrefix(method, prefix) {
			return true
		}
	}
	return false
}

// validID: MCP allows text and numbers, and no null.
func validID(id json.RawMessage) bool {
	return id[0] == '"' || id[0] == '-' || id[0] >= '0' && id[0] <= '9'
}

func malformed(err error) *fault {
	return &fault{code: jsonrpc.CodeParseError, status: http.StatusBadRequest, text: fmt.Sprintf("the body is not JSON: %v", err)}
}

func invalid(id json.RawMessage, text string) *fault {
	return &fault{id, jsonrpc.CodeInvalidRequest, text, http.StatusBadRequest}
}

// write answers with the error.
func (f fault) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(f.status)
	_ = json.NewEncoder(w).Encode(f.answer()) // nobody left to tell
}

// message is the answer for a stream.
func (f fault) message() []byte {
	text, err := json.Marshal(f.answer())
	if err != nil { // an id is JSON, because it was read as such
		panic(fmt.Sprintf("mcpserver: answer to a fault: %v", err))
	}
	return text
}

// answer is the error as JSON-RPC; the id is null where none could be read.
func (f fault) answer() any {
	type wireError struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	return struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Error   wireError       `json:"error"`
	}{"2.0", f.id, wireError{f.code, f.text}}
}

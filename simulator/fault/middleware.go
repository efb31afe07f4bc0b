package fault

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net"
	"net/http"
	"strconv"
)

// Middleware applies the rules in front of next.
func (s *Switchboard) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rule, ok := s.take(r.Method, r.URL.Path)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		if rule.Delay > 0 {
			if err := s.sleep(r.Context(), rule.Delay); err != nil {
				panic(http.ErrAbortHandler) // the client has gone
			}
		}
		switch {
		case rule.ResetAfter:
			next.ServeHTTP(&discard{header: http.Header{}}, r)
			breakConnection(w)
		case rule.Reset:
			breakConnection(w)
		case rule.Status != 0:
			s.answer(w, r, rule)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// answer writes the failure, in the format of Graph's errors unless the rule
// brings a body of its own.
func (s *Switchboard) answer(w http.ResponseWriter, r *http.Request, rule Rule) {
	h := w.Header()
	id := requestID()
	client := r.Header.Get("client-request-id")
	if client == "" {
		client = id
	}
	h.Set("request-id", id)
	h.Set("client-request-id", client)
	if rule.RetryAfter != "" {
		h.Set("Retry-After", rule.RetryAfter)
	}
	body := []byte(rule.Body)
	h.Set("Content-Type", rule.ContentType)
	if rule.Body == "" {
		h.Set("Content-Type", "application/json")
		body = s.errorBody(rule, id, client)
	}
	for name, value := range rule.Header {
		h.Set(name, value)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(rule.Status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a client that has gone is no concern of the simulator
	}
}

func (s *Switchboard) errorBody(rule Rule, id, client string) []byte {
	code, message := rule.Code, rule.Message
	if code == "" {
		code = defaultCode(rule.Status)
	}
	if message == "" {
		message = "The simulated tenant was told to fail: " + http.StatusText(rule.Status) + "."
	}
	body, err := json.Marshal(map[string]any{"error": map[string]any{
		"code":    code,
		"message": message,
		"innerError": map[string]string{
			"date":              s.now().UTC().Format("2006-01-02T15:04:05"),
			"request-id":        id,
			"client-request-id": client,
		},
	}})
	if err != nil {
		return nil // strings in maps always marshal
	}
	return body
}

// defaultCode names the code Graph usually sends with a status.
func defaultCode(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "BadRequest"
	case http.StatusUnauthorized:
		return "InvalidAuthenticationToken"
	case http.StatusForbidden:
		return "ErrorAccessDenied"
	case http.StatusNotFound:
		return "ErrorItemNotFound"
	case http.StatusTooManyRequests:
		return "TooManyRequests"
	case http.StatusServiceUnavailable:
		return "ServiceUnavailable"
	case http.StatusGatewayTimeout:
		return "GatewayTimeout"
	default:
		return "UnknownError"
	}
}

// breakConnection ends the connection without an answer: a TCP reset where the
// connection can be had, else (HTTP/2) a reset of the stream.
func breakConnection(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // RST instead of FIN
	}
	_ = conn.Close()
}

// discard takes the answer of a request whose caller will never see it.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, crypto/rand
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	x := hex.EncodeToString(b[:])
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

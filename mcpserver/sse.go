package mcpserver

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	"m365mcp/identity"
)

// streamParameter names a stream where its messages are sent; it opens nothing to
// whoever knows it without the owner's token.
const streamParameter = "sessionId"

// sse is the seed's door: HTTP+SSE of revision 2024-11-05 for clients that were set
// up with it, and streamable HTTP for those that try that first.
func (a *adapter) sse(w http.ResponseWriter, r *http.Request, p identity.Principal) {
	switch {
	case r.Method == http.MethodPost && r.URL.Query().Has(streamParameter):
		a.message(w, r, p)
	case r.Method == http.MethodPost:
		a.endpoint(w, r, p)
	case r.Method != http.MethodGet, ofStreamableHTTP(r):
		w.Header().Set("Allow", "GET, POST")
		http.Error(w, "405 Method Not Allowed: GET opens a stream of revision 2024-11-05, POST brings messages", http.StatusMethodNotAllowed)
	case !accepts(r, "text/event-stream"):
		http.Error(w, "406 Not Acceptable: this is a stream of events; the request has to accept text/event-stream", http.StatusNotAcceptable)
	default:
		a.openEvents(w, r, p)
	}
}

// ofStreamableHTTP tells the GET by which clients of later revisions ask for a stream
// that is not offered. A client of ours that reconnects sends its revision too, and
// the id of the last event.
func ofStreamableHTTP(r *http.Request) bool {
	return r.Header.Get("Mcp-Protocol-Version") != "" && r.Header.Get("Last-Event-Id") == ""
}

func accepts(r *http.Request, want string) bool {
	for _, line := range r.Header.Values("Accept") {
		for one := range strings.SplitSeq(line, ",") {
			if kind, _, err := mime.ParseMediaType(one); err == nil && (kind == want || kind == "*/*") {
				return true
			}
		}
	}
	return false
}

func (a *adapter) openEvents(w http.ResponseWriter, r *http.Request, p identity.Principal) {
	events := &events{w: w, conn: http.NewResponseController(w)}
	st := a.newStream(p, r)
	st.send = func(text []byte) error { return events.write("message", text) }
	st.alive = func() error { return st.use(events.comment) }
	st.hurry = func() { _ = events.conn.SetWriteDeadline(time.Unix(1, 0)) }
	ctx, err := a.streams.add(r.Context(), st)
	if err != nil {
		refuseStream(w, err)
		return
	}
	defer a.streams.remove(st)
	w.Header().Set("Content-Type", "text/event-stream")
	if err := st.use(func() error { return events.write("endpoint", []byte(r.URL.Path+"?"+streamParameter+"="+st.id)) }); err != nil {
		return
	}
	a.Logger.DebugContext(ctx, "stream ended", "door", SSEPath, "reason", st.run(ctx))
}

// refuseStream says why no stream is opened.
func refuseStream(w http.ResponseWriter, err error) {
	status := http.StatusServiceUnavailable
	if errors.Is(err, errTooMany) {
		status = http.StatusTooManyRequests
	}
	w.Header().Set("Retry-After", "5")
	http.Error(w, fmt.Sprintf("%d %s: %v", status, http.StatusText(status), err), status)
}

// message brings a message to a stream. The answer to it comes on the stream.
func (a *adapter) message(w http.ResponseWriter, r *http.Request, p identity.Principal) {
	st := a.streams.find(r.URL.Query().Get(streamParameter), ownerOf(p))
	if st == nil {
		gone().write(w)
		return
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		http.Error(w, "415 Unsupported Media Type: a message is application/json", http.StatusUnsupportedMediaType)
		return
	}
	st.renew(r, p) //nolint:contextcheck // the stream goes on when this request is answered
	body, f := a.readBody(w, r)
	if f == nil {
		f = st.accept(r.Context(), body, r.Header.Get("Mcp-Protocol-Version"), p)
	}
	if f != nil {
		f.write(w)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, "Accepted\n") // nobody left to tell
}

// events writes server-sent events.
type events struct {
	w    http.ResponseWriter
	conn *http.ResponseController
	last int
}

// write sends one event. Its id lets a client that reconnects say that it does.
func (e *events) write(name string, data []byte) error {
	e.last++
	var out bytes.Buffer
	fmt.Fprintf(&out, "id: %d\nevent: %s\nretry: 500\n", e.last, name) // clients wait for seconds otherwise
	for line := range bytes.SplitSeq(data, []byte("\n")) {
		out.WriteString("data: ")
		out.Write(line)
		out.WriteByte('\n')
	}
	out.WriteByte('\n')
	return e.flush(out.Bytes())
}

// comment sends what clients ignore, and proxies do not.
func (e *events) comment() error { return e.flush([]byte(": still here\n\n")) }

func (e *events) flush(text []byte) error {
	deadline := time.Now().Add(peerTimeout) //nolint:forbidigo // the socket has the wall clock
	if err := e.conn.SetWriteDeadline(deadline); err != nil {
		return fmt.Errorf("event stream: %w", err)
	}
	if _, err := e.w.Write(text); err != nil {
		return fmt.Errorf("event stream: %w", err)
	}
	if err := e.conn.Flush(); err != nil {
		return fmt.Errorf("event stream: %w", err)
	}
	return nil
}

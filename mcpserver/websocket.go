package mcpserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/coder/websocket"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"m365mcp/identity"
)

const subprotocol = "mcp"

// headerOnly refuses a token in the address: proxies and logs would keep it.
func headerOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" {
			http.Error(w, "400 Bad Request: this address takes no query; the access token belongs in the Authorization header, because logs keep addresses", http.StatusBadRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// websocket serves one connection of one person, as the TypeScript SDK's transport
// speaks it: subprotocol mcp, one message of JSON-RPC in a text frame.
func (a *adapter) websocket(w http.ResponseWriter, r *http.Request, p identity.Principal) {
	if strings.EqualFold(r.Header.Get("Upgrade"), "websocket") && !offers(r, subprotocol) {
		http.Error(w, "400 Bad Request: the client has to offer the WebSocket subprotocol "+subprotocol, http.StatusBadRequest)
		return
	}
	st := a.newStream(p, r)
	ctx, err := a.streams.add(r.Context(), st)
	if err != nil {
		refuseStream(w, err)
		return
	}
	defer a.streams.remove(st)
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols: []string{subprotocol}, InsecureSkipVerify: true, // guard has checked the Origin
	})
	if err != nil {
		return // Accept has answered
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(a.MaxRequestBytes)
	st.send = func(text []byte) error {
		ctx, cancel := context.WithTimeout(ctx, peerTimeout)
		defer cancel()
		return conn.Write(ctx, websocket.MessageText, text)
	}
	st.alive = func() error { // the library closes the connection where ctx ends first: it is not that of run
		ctx, cancel := context.WithTimeout(ctx, peerTimeout)
		defer cancel()
		err := conn.Ping(ctx)
		if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
			return nil // it did not get its turn beside a long message, which has a limit of its own
		}
		return err
	}
	st.hurry = func() { _ = conn.CloseNow() }
	running, ended := context.WithCancelCause(ctx)
	defer ended(nil)
	var reader sync.WaitGroup
	reader.Go(func() { ended(a.receive(ctx, conn, st, r.Header.Get("Mcp-Protocol-Version"))) })
	why := st.run(running)
	switch {
	case errors.Is(why, errTokenEnded):
		_ = conn.Close(websocket.StatusPolicyViolation, why.Error())
	case errors.Is(why, errStopping):
		_ = conn.Close(websocket.StatusGoingAway, why.Error())
	default:
		_ = conn.CloseNow()
	}
	reader.Wait()
	a.Logger.DebugContext(ctx, "stream ended", "door", wsPath, "reason", why)
}

func offers(r *http.Request, protocol string) bool {
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for one := range strings.SplitSeq(line, ",") {
			if strings.TrimSpace(one) == protocol {
				return true
			}
		}
	}
	return false
}

// receive takes messages until the connection ends, and says why it did. Each is held
// to the token as it is now.
func (a *adapter) receive(ctx context.Context, conn *websocket.Conn, st *stream, version string) error {
	for {
		kind, body, err := conn.Read(ctx)
		if err != nil {
			return fmt.Errorf("websocket: %w", err)
		}
		if kind != websocket.MessageText {
			_ = conn.Close(websocket.StatusUnsupportedData, "messages are text")
			return errors.New("websocket: a message is not text")
		}
		p, _, err := st.verify()
		if errors.Is(err, ErrEnded) {
			select {
			case st.doubt <- struct{}{}: // ends the stream
			default:
			}
			continue
		}
		if err == nil && ownerOf(p) != st.owner {
			return errTokenEnded
		}
		var f *fault
		if err != nil {
			f = a.unavailable(body)
		} else {
			f = st.accept(ctx, body, version, p)
		}
		if f != nil && st.deliver(f.message()) != nil {
			return errGone
		}
	}
}

// unavailable answers a message whose token could not be read.
func (a *adapter) unavailable(body []byte) *fault {
	messages, _, f := a.check(body, false)
	if f == nil && messages[0].ID != nil {
		f = &fault{id: messages[0].ID, code: jsonrpc.CodeInternalError, text: "the server cannot check the connection at the moment: try again in a few seconds"}
	}
	return f
}

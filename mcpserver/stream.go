package mcpserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"m365mcp/identity"
)

const (
	// beat is how often a stream's token is read again, and its peer has to show that
	// it is there. What a stream brings is held to the token as it is then, always.
	beat = 5 * time.Second
	// peerTimeout is how long a peer may take to read a message, or to answer a ping.
	peerTimeout = 20 * time.Second
	// expiryGrace is how long calls that are under way when the token expires may go on.
	expiryGrace = 2 * time.Minute
	// maxUnderWay bounds the calls of one stream that are not answered yet.
	maxUnderWay = 32

	codeTooMany = -32000 // of the server's own range (JSON-RPC section 5.1)
)

// Why streams end; other reasons are what the peer or the network did.
var (
	errTokenEnded = errors.New("the access token has expired or was revoked: connect again")
	errStopping   = errors.New("the server is stopping: connect again in a moment")
	errGone       = errors.New("the stream is gone")
)

// stream is one client's lasting connection: messages of one session both ways. To
// the SDK it is transport and connection. Everything that comes in is held to the
// token once more, and the call runs for the principal that the token has then.
type stream struct {
	a     *adapter
	id    string
	owner owner
	send  func(message []byte) error // to the peer; never concurrently, and not after the end
	alive func() error               // nil if the peer seems to be there
	hurry func()                     // ends a send that runs

	incoming chan jsonrpc.Message
	doubt    chan struct{} // asks to read the token again now
	done     chan struct{} // closed when nothing is read or written any more

	writing chan struct{} // holds one while somebody writes

	mu       sync.Mutex
	session  *mcp.ServerSession // from the first request on
	underWay map[jsonrpc.ID]struct{}
	draining bool
	settled  bool          // idle is closed
	idle     chan struct{} // closed when the stream drains and nothing is under way
	closed   bool
	expires  time.Time     // of the token: the last that its owner has shown
	token    *http.Request // which carries it
}

// owner is who may use a stream: one person by one grant.
type owner struct{ user, grant string }

func ownerOf(p identity.Principal) owner { return owner{p.UserKey(), p.GrantID} }

func (a *adapter) newStream(p identity.Principal, r *http.Request) *stream {
	return &stream{
		a: a, id: rand.Text(), owner: ownerOf(p), expires: p.Expires, token: r,
		incoming: make(chan jsonrpc.Message), doubt: make(chan struct{}, 1), done: make(chan struct{}), writing: make(chan struct{}, 1),
		underWay: map[jsonrpc.ID]struct{}{}, idle: make(chan struct{}),
	}
}

// verify reads the token again, and says whether it would have expired by now.
func (st *stream) verify() (p identity.Principal, expired bool, err error) {
	st.mu.Lock()
	token, expires := st.token, st.expires
	st.mu.Unlock()
	p, err = st.a.Reverify(token)
	return p, !st.a.Now().Before(expires), err
}

// renew lets the stream live as long as a later token of its owner, which came with r.
func (st *stream) renew(r *http.Request, p identity.Principal) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if p.Expires.After(st.expires) {
		st.expires, st.token = p.Expires, r.WithContext(st.token.Context()) // its own ends with its answer
	}
}

// run keeps the stream until its peer, its token or the server ends it, and says why.
func (st *stream) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var tasks sync.WaitGroup
	tasks.Go(func() {
		if err := st.keepAlive(ctx); err != nil {
			cancel(err)
		}
	})
	why := st.watch(ctx)
	cancel(why)
	_ = st.Close() // calls under way are cancelled
	st.mu.Lock()
	session := st.session
	st.mu.Unlock()
	if session != nil {
		_ = session.Close() // waits for them; the reason is known
	}
	tasks.Wait()
	select {
	case st.writing <- struct{}{}:
	default: // somebody still writes to a peer that does not read
		st.hurry()
		st.writing <- struct{}{}
	}
	return why
}

// watch returns when the stream has to end.
func (st *stream) watch(ctx context.Context) error {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-st.done:
			return errGone
		case <-st.a.streams.stopping:
			st.drain(ctx)
			return errStopping
		case <-tick.C:
		case <-st.doubt:
		}
		if _, expired, err := st.verify(); errors.Is(err, ErrEnded) { // where it could not be read, the stream can wait
			if expired {
				waiting, cancel := context.WithTimeout(ctx, expiryGrace)
				st.drain(waiting)
				cancel()
			}
			return errTokenEnded
		}
	}
}

// keepAlive returns an error when the peer is gone.
func (st *stream) keepAlive(ctx context.Context) error {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := st.alive(); err != nil {
				return fmt.Errorf("the peer is gone: %w", err)
			}
		}
	}
}

// drain takes nothing new, and waits for what is under way.
func (st *stream) drain(ctx context.Context) {
	st.mu.Lock()
	st.draining = true
	st.settle()
	st.mu.Unlock()
	select {
	case <-st.idle:
	case <-st.done:
	case <-ctx.Done():
	}
}

// settle notices, under the lock, that a draining stream has nothing under way.
func (st *stream) settle() {
	if st.draining && !st.settled && len(st.underWay) == 0 {
		st.settled = true
		close(st.idle)
	}
}

// accept takes what the peer sent in one piece. What is wrong with a message that
// has an id is answered on the stream; what it returns has none.
func (st *stream) accept(ctx context.Context, body []byte, version string, p identity.Principal) *fault {
	messages, _, f := st.a.check(body, false)
	if f != nil {
		return st.answerFault(f)
	}
	for i := range messages {
		if f := st.take(ctx, &messages[i], version, p); f != nil {
			if f = st.answerFault(f); f != nil {
				return f
			}
		}
	}
	return nil
}

// answerFault sends a fault to where its request's answer is expected.
func (st *stream) answerFault(f *fault) *fault {
	if f.id == nil {
		return f
	}
	if st.deliver(f.message()) != nil {
		return gone()
	}
	return nil
}

// gone is what a stream that is over and one of somebody else are alike.
func gone() *fault {
	return &fault{code: jsonrpc.CodeInvalidRequest, status: http.StatusNotFound, text: "there is no such stream: open a new one"}
}

// take hands a checked message to the SDK.
func (st *stream) take(ctx context.Context, m *message, version string, p identity.Principal) *fault {
	text, err := encode(m)
	if err != nil {
		return malformed(err)
	}
	decoded, err := jsonrpc.DecodeMessage(text)
	if err != nil {
		return invalid(m.ID, err.Error())
	}
	request, ok := decoded.(*jsonrpc.Request)
	if !ok {
		return nil // an answer, and nothing was asked
	}
	request.Extra = &mcp.RequestExtra{TokenInfo: tokenInfo(p)}
	if f := st.begin(ctx, m, request, version); f != nil {
		return f
	}
	select {
	case st.incoming <- request:
		return nil
	case <-st.done:
		return gone()
	}
}

// begin counts a request, and starts the session with the first one. A client that
// has lost its stream goes on with a new one without a handshake, so anything can be
// the first.
func (st *stream) begin(ctx context.Context, m *message, request *jsonrpc.Request, version string) *fault {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.closed {
		return gone()
	}
	if request.IsCall() {
		if _, used := st.underWay[request.ID]; used {
			return invalid(m.ID, "a request with this id is under way")
		}
		if st.draining {
			return &fault{m.ID, codeTooMany, "the stream is ending: open a new one", http.StatusServiceUnavailable}
		}
		if len(st.underWay) >= maxUnderWay {
			return &fault{m.ID, codeTooMany, fmt.Sprintf("%d requests are under way on this stream: wait for an answer", maxUnderWay), http.StatusTooManyRequests}
		}
	}
	if st.session == nil {
		var options *mcp.ServerSessionOptions
		if request.Method != "initialize" {
			options = resumed(version)
		}
		session, err := st.a.server.Connect(context.WithoutCancel(ctx), st, options)
		if err != nil {
			return &fault{m.ID, jsonrpc.CodeInternalError, "internal error", http.StatusInternalServerError}
		}
		st.session = session
	}
	if request.IsCall() {
		st.underWay[request.ID] = struct{}{}
	}
	return nil
}

// resumed is the state of a session whose handshake was on an earlier stream.
func resumed(version string) *mcp.ServerSessionOptions {
	if version == "" {
		version = "2024-11-05" // which has no header to say it
	}
	return &mcp.ServerSessionOptions{State: &mcp.ServerSessionState{
		InitializeParams: &mcp.InitializeParams{
			ProtocolVersion: version, Capabilities: &mcp.ClientCapabilities{}, ClientInfo: &mcp.Implementation{},
		},
		InitializedParams: &mcp.InitializedParams{}, NegotiatedProtocolVersion: version,
	}}
}

// deliver sends one message to the peer.
func (st *stream) deliver(text []byte) error {
	return st.use(func() error { return st.send(text) })
}

// use lets write have the peer for itself. A stream that cannot be written to is over.
func (st *stream) use(write func() error) error {
	select {
	case st.writing <- struct{}{}:
		defer func() { <-st.writing }()
	case <-st.done:
		return errGone
	}
	select {
	case <-st.done: // both were ready
		return errGone
	default:
	}
	if err := write(); err != nil {
		_ = st.Close()
		return err
	}
	return nil
}

// Connect implements mcp.Transport.
func (st *stream) Connect(context.Context) (mcp.Connection, error) { return st, nil }

// SupportsProtocolVersion implements mcp.ProtocolVersionSupporter: 2026-07-28 and
// later know neither of these transports.
func (st *stream) SupportsProtocolVersion(version string) bool { return version < modernRevision }

// Read implements mcp.Connection.
func (st *stream) Read(ctx context.Context) (jsonrpc.Message, error) {
	select {
	case m := <-st.incoming:
		return m, nil
	case <-st.done:
		return nil, io.EOF
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Write implements mcp.Connection.
func (st *stream) Write(_ context.Context, m jsonrpc.Message) error {
	text, err := jsonrpc.EncodeMessage(m)
	if err == nil {
		err = st.deliver(text)
	}
	if answer, ok := m.(*jsonrpc.Response); ok {
		st.mu.Lock()
		delete(st.underWay, answer.ID)
		st.settle()
		st.mu.Unlock()
	}
	return err
}

// Close implements mcp.Connection.
func (st *stream) Close() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	st.closed = true
	select {
	case <-st.done:
	default:
		close(st.done)
	}
	return nil
}

// SessionID implements mcp.Connection.
func (st *stream) SessionID() string { return "" }

package router

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	"m365mcp/simulator/graph/service"
)

// maxChunk is more than any documented chunk of an upload.
const maxChunk = 64 << 20

type storageHandler struct {
	prefix  string
	handler http.Handler
}

func (s *Server) addStorage(w service.Storage) {
	for prefix, h := range w.StorageHandlers() {
		s.storage = append(s.storage, storageHandler{prefix, h})
	}
	slices.SortFunc(s.storage, func(a, b storageHandler) int { // the longest prefix goes first
		return cmp.Or(cmp.Compare(len(b.prefix), len(a.prefix)), cmp.Compare(a.prefix, b.prefix))
	})
}

// Storage serves the pre-authorized URLs on an origin of its own. Microsoft
// warns of sending a token there: such a request is refused.
func (s *Server) Storage() http.Handler {
	h := s.faulty(http.HandlerFunc(s.serveStorage))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &call{r: r, requestID: newUUID(), tokenErr: errNoToken, storage: true}
		c.clientID = cmp.Or(r.Header.Get("client-request-id"), c.requestID)
		c.readBody(maxChunk)
		tracked := &statusWriter{ResponseWriter: w}
		finish := s.log.begin(c, s.opts.Now())
		defer finish(tracked)
		h.ServeHTTP(tracked, r.WithContext(withCall(r.Context(), c)))
	})
}

func (s *Server) serveStorage(w http.ResponseWriter, r *http.Request) {
	c := callOf(r.Context())
	s.commonHeaders(w, c)
	switch {
	case r.Header.Get("Authorization") != "":
		s.writeError(r.Context(), w, c, s.unauthorized(errTokenOnStorage))
		return
	case c.bodyErr != nil:
		s.writeError(r.Context(), w, c, c.bodyErr)
		return
	}
	i := slices.IndexFunc(s.storage, func(h storageHandler) bool { return strings.HasPrefix(r.URL.Path, h.prefix) })
	if i < 0 {
		http.NotFound(w, r)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(c.body))
	if r.Method == http.MethodGet {
		s.mu.RLock()
		defer s.mu.RUnlock()
	} else {
		s.mu.Lock()
		defer s.mu.Unlock()
	}
	s.storage[i].handler.ServeHTTP(w, r)
}

var errTokenOnStorage = errors.New("an access token was sent to a pre-authorized URL")

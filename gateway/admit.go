package gateway

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"m365mcp/graph"
)

// batchPath is where requests are sent together.
const batchPath = "/$batch"

var (
	methods        = []string{graph.Get, graph.Post, graph.Patch, graph.Put, graph.Delete}
	storageMethods = []string{graph.Get, graph.Put, graph.Delete}
)

// admit refuses what this session was not opened for, and what leads elsewhere
// than it says.
func (s *Session) admit(r graph.Request) error {
	s.mu.Lock()
	closed := s.closed
	s.mu.Unlock()
	switch {
	case closed:
		return errors.New("the tool call has ended")
	case r.App != s.call.App:
		return errors.New("the call was decided for another destination")
	case r.App != "":
		return s.admitApp(r)
	case !s.call.Principal.IsPerson():
		return errors.New("the call is made for no person")
	case s.call.ReadOnly && !r.Safe():
		return fmt.Errorf("%s in a call that was decided as a read", r.Method)
	case !r.Safe() && r.Sink != nil:
		return errors.New("only the answer of a read can be streamed")
	case r.Follow && (r.Method != graph.Get || r.Storage != ""):
		return errors.New("only a GET of Graph is followed to storage")
	}
	if err := wellFormed(r); err != nil {
		return err
	}
	switch {
	case r.Sub != nil:
		return admitBatch(r)
	case strings.EqualFold(r.Path.String(), batchPath):
		return errors.New("a batch is sent as its parts")
	case r.Next != "" && r.Storage != "":
		return errors.New("a link and a storage URL at once")
	case r.Next != "":
		return s.admitNext(r)
	case r.Storage != "":
		return s.gw.admitStorage(r)
	case r.Range != "":
		return errors.New("a chunk goes to an upload session only")
	}
	return nil
}

func wellFormed(r graph.Request) error {
	if !strings.HasPrefix(r.Path.String(), "/") {
		return fmt.Errorf("path %q is not absolute", r.Path.Template())
	}
	if !slices.Contains(methods, r.Method) {
		return fmt.Errorf("method %q is none of %q", r.Method, methods)
	}
	return nil
}

func admitBatch(r graph.Request) error {
	switch {
	case r.Method != graph.Post || r.Path.String() != batchPath:
		return fmt.Errorf("parts in a request that is no POST %s", batchPath)
	case len(r.Sub) == 0 || len(r.Sub) > graph.MaxBatch:
		return fmt.Errorf("a batch of %d requests, not 1 to %d", len(r.Sub), graph.MaxBatch)
	case r.Body != nil || r.Next != "" || r.Storage != "" || r.Range != "" || r.Sink != nil || r.Query.Encode() != "":
		return errors.New("a batch has nothing but its parts")
	}
	for _, sub := range r.Sub {
		if err := wellFormed(sub); err != nil {
			return err
		}
		if sub.Sub != nil || strings.EqualFold(sub.Path.String(), batchPath) || sub.Next != "" || sub.Storage != "" || sub.Range != "" || sub.Sink != nil || sub.Follow {
			return fmt.Errorf("%s %s cannot be part of a batch", sub.Method, sub.Path.Template())
		}
	}
	return nil
}

// admitNext holds a link against what it is said to continue: the same Graph,
// the same version, the same list.
func (s *Session) admitNext(r graph.Request) error {
	u, err := url.Parse(r.Next)
	switch {
	case r.Method != graph.Get:
		return errors.New("a link is for reading")
	case err != nil:
		return errors.New("the link is no URL")
	case u.User != nil || u.Fragment != "" || !sameOrigin(u, s.gw.base):
		return fmt.Errorf("the link leads to %q, not to Graph", u.Host)
	}
	base := s.gw.base.EscapedPath()
	path := u.EscapedPath()
	if len(path) <= len(base) || !strings.EqualFold(path[:len(base)], base) || path[len(base)] != '/' {
		return errors.New("the link leads to another version of Graph")
	}
	path = path[len(base):]
	if r.Path.Leads(path) {
		return nil
	}
	// Graph may name the person where we said "me".
	for _, me := range []string{"/users/" + s.call.Principal.UserID, "/users('" + s.call.Principal.UserID + "')"} {
		if below, ok := strings.CutPrefix(path, me); ok && strings.HasPrefix(below, "/") && r.Path.Leads("/me"+below) {
			return nil
		}
	}
	return fmt.Errorf("the link does not continue %s", r.Path.Template())
}

func sameOrigin(a, b *url.URL) bool {
	port := func(u *url.URL) string {
		if u.Port() == "" {
			return map[string]string{"http": "80", "https": "443"}[u.Scheme]
		}
		return u.Port()
	}
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func (g *Gateway) admitStorage(r graph.Request) error {
	u, err := url.Parse(r.Storage)
	switch {
	case !slices.Contains(storageMethods, r.Method):
		return fmt.Errorf("%s to a storage URL", r.Method)
	case err != nil:
		return errors.New("the storage URL is none") // err would show it, and it is a credential
	case !g.storage.Allow(u):
		return fmt.Errorf("%s: %w", u.Host, errStorageHost)
	}
	return nil
}

var errStorageHost = errors.New("not one of the storage hosts; see the configuration of storage hosts")

package gateway

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"m365mcp/graph"
	"m365mcp/identity"
	"m365mcp/internal/secret"
)

// App is a linked app: another place than Graph that a decided call may send to, with
// a credential of its own and never with Microsoft's.
type App struct {
	Name     string
	URL      string       // that the paths of its operations are below
	HTTP     *http.Client // pinned to URL
	Timeout  time.Duration
	MaxBytes int64 // of an answer
	Services bool  // services may reach it, too
	// Credential returns the header that proves the call, and its value. It is asked for
	// each request; an error means that there is none for this principal.
	Credential func(identity.Principal) (header string, value secret.String, err error)
}

var appMethods = []string{graph.Get, graph.Head, graph.Post, graph.Patch, graph.Put, graph.Delete}

func appsByName(apps []App) (map[string]App, error) {
	byName := map[string]App{}
	for _, app := range apps {
		u, err := url.Parse(app.URL)
		switch {
		case err != nil, u.Host == "", u.User != nil, u.RawQuery != "", u.Fragment != "":
			return nil, fmt.Errorf("linked app %s: %q is not a base URL", app.Name, app.URL)
		case app.HTTP == nil, app.Credential == nil, app.Timeout <= 0, app.MaxBytes <= 0:
			return nil, fmt.Errorf("linked app %s has no client, credential or limit", app.Name)
		}
		app.URL = strings.TrimSuffix(app.URL, "/")
		byName[app.Name] = app
	}
	return byName, nil
}

// admitApp refuses what is not one plain request to a linked app of this call.
func (s *Session) admitApp(r graph.Request) error {
	app, known := s.gw.apps[r.App]
	p := s.call.Principal
	switch {
	case !known:
		return fmt.Errorf("there is no linked app %q", r.App)
	case !p.IsPerson() && (!app.Services || p.Service == ""):
		return errors.New("the call is made for no person")
	case s.call.ReadOnly && !r.Safe():
		return fmt.Errorf("%s in a call that was decided as a read", r.Method)
	case !slices.Contains(appMethods, r.Method):
		return fmt.Errorf("method %q is none of %q", r.Method, appMethods)
	case !strings.HasPrefix(r.Path.String(), "/"):
		return fmt.Errorf("path %q is not absolute", r.Path.Template())
	case r.Sub != nil, r.Next != "", r.Storage != "", r.Range != "", r.Sink != nil, r.Follow, r.Eventual, r.IfMatch != "", len(r.Prefer) > 0:
		return errors.New("what only Graph understands, in a request to a linked app")
	case r.Safe() && r.Body != nil:
		return fmt.Errorf("%s with a body", r.Method)
	}
	return nil
}

// toApp sends one request to a linked app, once: what it does with a repetition is
// not known.
func (s *Session) toApp(ctx context.Context, r graph.Request, rec *record) (*graph.Response, error) {
	app := s.gw.apps[r.App]
	failed := func(kind graph.Kind, err error) error {
		return &graph.Error{App: app.Name, Kind: kind, Exchange: rec.Exchange, Err: err}
	}
	ctx, cancel := context.WithTimeout(ctx, app.Timeout)
	defer cancel()
	release, err := s.gw.slots.acquire(ctx, r.Route()+"/"+s.call.Principal.UserKey())
	if err != nil {
		return nil, failed(graph.KindNetwork, err)
	}
	defer release()
	header, value, err := app.Credential(s.call.Principal)
	if err != nil {
		return nil, failed(graph.KindRefused, err)
	}
	if err := s.recheck(ctx); err != nil {
		return nil, failed(graph.KindRevoked, err)
	}
	rec.Attempts++
	resp, err := s.gw.exchangeApp(ctx, app, r, rec, header, value)
	if ge, ok := errors.AsType[*graph.Error](err); ok {
		ge.App = app.Name
	}
	return resp, err
}

func (g *Gateway) exchangeApp(ctx context.Context, app App, r graph.Request, rec *record, header string, value secret.String) (*graph.Response, error) {
	ctx, body, stop := watch(ctx)
	defer stop()
	var wrote atomic.Bool // whether any of the request may have arrived
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { wrote.Store(true) }})
	var sent io.Reader = http.NoBody
	if r.Body != nil {
		sent = bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, app.URL+relative(r), sent)
	if err != nil {
		return nil, &graph.Error{Kind: graph.KindRefused, Exchange: rec.Exchange, Err: withoutURL(err)}
	}
	if !r.Safe() {
		req.GetBody = nil // net/http must not replay a write on a broken connection
	}
	req.Header.Set("User-Agent", "m365-mcp")
	req.Header.Set("Accept", "application/json, text/*;q=0.5")
	req.Header.Set("X-Request-Id", rec.ID)
	if r.Body != nil {
		req.Header.Set("Content-Type", cmp.Or(r.ContentType, graph.JSON))
	}
	req.Header.Set(header, value.Reveal())
	resp, err := app.HTTP.Do(req)
	if err != nil {
		return nil, lost(r, rec, wrote.Load(), withoutURL(err))
	}
	defer func() { _ = resp.Body.Close() }() // what was needed of it has been read; nothing is left to fail
	rec.Status = resp.StatusCode
	body.body = resp.Body
	r.MaxBytes = app.MaxBytes
	text, err := body.keep(r)
	rec.bytes = body.n
	done := resp.StatusCode >= 200 && resp.StatusCode < 300
	switch {
	case done && err != nil && r.Safe():
		return nil, broken(r, rec, err)
	case done: // by its status; a write's answer is not worth calling it unknown
		return &graph.Response{Status: resp.StatusCode, Body: text, Header: keptHeader(resp.Header.Get), Exchange: rec.Exchange}, nil
	}
	ge := &graph.Error{
		Kind: graph.KindGraph, Message: appWords(text), Exchange: rec.Exchange,
		RetryAfter: graph.ParseRetryAfter(resp.Header.Get("Retry-After"), g.Now()),
	}
	switch {
	case !r.Safe() && (resp.StatusCode < 400 || ambiguous(resp.StatusCode)):
		ge.Kind = graph.KindUnknown // many apps send on to the result of what they have done
	case resp.StatusCode < 400:
		ge.Kind, ge.Err = graph.KindProtocol, fmt.Errorf("answered %d", resp.StatusCode)
	}
	return nil, ge
}

// appWords is what an error says about itself, in one of the usual forms (RFC 9457
// among them). A page for people says nothing here.
func appWords(body []byte) string {
	var said struct {
		Detail  string          `json:"detail"`
		Title   string          `json:"title"`
		Message string          `json:"message"`
		Error   json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &said) != nil {
		return ""
	}
	var text string
	var inner struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(said.Error, &text) != nil && json.Unmarshal(said.Error, &inner) == nil {
		text = inner.Message
	}
	return cmp.Or(said.Detail, said.Message, text, said.Title)
}

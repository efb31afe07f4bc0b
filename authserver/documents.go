package authserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"m365mcp/internal/redirecturi"
)

// Limits of client metadata documents (draft-ietf-oauth-client-id-metadata-document,
// sections 5.2 and 8.7).
const (
	maxDocument      = 5 << 10
	maxDocumentURL   = 512
	maxDocuments     = 500 // at least, and twice as many at most
	maxFetches       = 256 // at once
	leastFresh       = 5 * time.Minute
	mostFresh        = 24 * time.Hour
	usuallyFresh     = time.Hour        // of a document that says nothing
	staleAfter       = 24 * time.Hour   // how much longer it serves while it cannot be fetched
	fetchAgain       = 10 * time.Second // after a failure: nobody makes this server hammer a host
	documentAgent    = "m365-mcp (client metadata)"
	documentIDPrefix = "https://"
)

// documentFault says why a client_id cannot be the address of a metadata document,
// or "" (section 3 of the draft).
func documentFault(id string) string {
	if len(id) > maxDocumentURL || redirecturi.Strange(id) {
		return "is too long, or has a character that must be percent-encoded"
	}
	u, err := url.Parse(id)
	switch {
	case err != nil || u.String() != id || !strings.HasPrefix(id, documentIDPrefix) || u.Hostname() == "" || strings.HasSuffix(u.Host, ":"):
		return "is not a well-formed https URL"
	case u.User != nil:
		return "has user information"
	case strings.Contains(id, "#"):
		return "has a fragment"
	case u.Path == "":
		return "has no path"
	case u.Host != strings.ToLower(u.Host):
		return "has a host in capitals"
	}
	for segment := range strings.SplitSeq(u.Path, "/") { // decoded: %2e is a dot, too
		if segment == "." || segment == ".." {
			return "has a dot segment"
		}
	}
	return ""
}

// documents fetches and remembers the metadata documents of clients.
type documents struct {
	client  *http.Client
	allowed func(*url.URL) bool
	now     func() time.Time
	slots   chan struct{}
	flights singleflight.Group

	mu    sync.Mutex
	known recent[document]
}

// document is what is known of one address.
type document struct {
	client Client // without an id: there was none yet that could be used
	etag   string
	fresh  time.Time // until when it is not fetched again
	serves time.Time // until when it is used while it cannot be fetched

	failure error     // of the last try
	retry   time.Time // before this there is no other
}

func newDocuments(client *http.Client, allowed func(*url.URL) bool, now func() time.Time) *documents {
	return &documents{
		client: client, allowed: allowed, now: now, slots: make(chan struct{}, maxFetches), known: newRecent[document](maxDocuments),
	}
}

// admits reports whether clients of this address may come here at all.
func (d *documents) admits(id string) bool {
	u, err := url.Parse(id)
	return d != nil && err == nil && documentFault(id) == "" && d.allowed(u)
}

// get returns the client that an address describes. permit is asked before anything
// is fetched.
func (d *documents) get(ctx context.Context, id string, permit func() error) (Client, error) {
	now := d.now()
	known := d.lookup(id)
	switch {
	case now.Before(known.fresh):
		return known.client, nil
	case now.Before(known.retry):
		return known.use(now, known.failure)
	}
	if err := permit(); err != nil {
		return known.use(now, err)
	}
	// Whoever asks first may go away; the others still wait. The client's timeout bounds it.
	flight := d.flights.DoChan(id, func() (any, error) { return d.renew(context.WithoutCancel(ctx), id), nil })
	select {
	case result := <-flight:
		renewed, ok := result.Val.(document)
		if !ok {
			return Client{}, unavailable(fmt.Errorf("client metadata: %T", result.Val))
		}
		return renewed.use(d.now(), renewed.failure)
	case <-ctx.Done():
		return Client{}, unavailable(context.Cause(ctx))
	}
}

// use is the client while it may be used, or else why it may not.
func (k document) use(now time.Time, failure error) (Client, error) {
	if now.Before(k.serves) {
		return k.client, nil
	}
	return Client{}, failure
}

func (d *documents) lookup(id string) document {
	d.mu.Lock()
	defer d.mu.Unlock()
	known, _ := d.known.get(id)
	return known
}

// renew fetches the document and remembers the outcome. What cannot be had now
// leaves the old one in use; what is there and cannot be used ends it.
func (d *documents) renew(ctx context.Context, id string) document {
	known := d.lookup(id)
	if d.now().Before(known.fresh) || d.now().Before(known.retry) {
		return known // another flight has landed since
	}
	renewed, err := d.fetch(ctx, id, known)
	if err != nil {
		renewed = document{}
		if asOAuth(err).status != http.StatusBadRequest {
			renewed = known
		}
		renewed.failure, renewed.retry = err, d.now().Add(fetchAgain)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known.put(id, renewed)
	return renewed
}

func (d *documents) fetch(ctx context.Context, id string, known document) (document, error) {
	select {
	case d.slots <- struct{}{}:
		defer func() { <-d.slots }()
	default:
		return document{}, unreachable(errors.New("too many documents are being fetched"))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, id, http.NoBody) //nolint:gosec // the client reaches public addresses only
	if err != nil {
		return document{}, unreachable(err)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", documentAgent)
	if known.etag != "" {
		req.Header.Set("If-None-Match", known.etag)
	}
	resp, err := d.client.Do(req) //nolint:gosec // as above
	if err != nil {
		return document{}, unreachable(err)
	}
	defer func() { _ = resp.Body.Close() }() // read as far as it is wanted
	fresh := d.now().Add(freshness(resp.Header))
	if resp.StatusCode == http.StatusNotModified && known.etag != "" {
		return document{client: known.client, etag: known.etag, fresh: fresh, serves: fresh.Add(staleAfter)}, nil
	}
	client, published, err := readDocument(resp, id)
	if err != nil {
		return document{}, err
	}
	if client.AuthMethod == authKey {
		if client.Keys, err = d.publishedKeys(published); err != nil {
			return document{}, err
		}
	}
	client.CreatedAt = d.now()
	return document{client: client, etag: entityTag(resp.Header), fresh: fresh, serves: fresh.Add(staleAfter)}, nil
}

// readDocument checks an answer and the document in it.
func readDocument(resp *http.Response, id string) (Client, clientMetadata, error) {
	switch status := resp.StatusCode; {
	case status == http.StatusOK:
	case status >= 500, status == http.StatusTooManyRequests:
		return Client{}, clientMetadata{}, unreachable(fmt.Errorf("status %d", status))
	case status >= 300 && status < 400:
		return Client{}, clientMetadata{}, unusable("It answers with a redirect, which is not followed.")
	default:
		return Client{}, clientMetadata{}, unusable(fmt.Sprintf("It answers with status %d.", status))
	}
	kind, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" && (!strings.HasPrefix(kind, "application/") || !strings.HasSuffix(kind, "+json")) {
		return Client{}, clientMetadata{}, unusable("Its Content-Type is not application/json.")
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxDocument+1))
	if err != nil {
		return Client{}, clientMetadata{}, unreachable(err)
	}
	if len(body) > maxDocument {
		return Client{}, clientMetadata{}, unusable("It is larger than " + strconv.Itoa(maxDocument) + " bytes.")
	}
	client, published, err := parseDocument(body, id)
	if err != nil {
		return Client{}, clientMetadata{}, unusable(asOAuth(err).description)
	}
	return client, published, nil
}

// parseDocument reads a metadata document (section 4 of the draft).
func parseDocument(body []byte, id string) (Client, clientMetadata, error) {
	m, err := parseMetadata(body)
	if err != nil {
		return Client{}, clientMetadata{}, err
	}
	switch method := m.AuthMethod; {
	case m.ClientID != id:
		return Client{}, clientMetadata{}, refuse(codeInvalidMetadata, "Its client_id is not the address that it was fetched from.")
	case m.Secret:
		return Client{}, clientMetadata{}, refuse(codeInvalidMetadata, "It has a client_secret, which everybody could read.")
	case method == nil:
		m.AuthMethod = new(string)
		*m.AuthMethod = authNone // there is no secret that the default of RFC 7591 could mean
	}
	client, err := m.client(authNone, authKey) // no secret: everybody could read it
	if err != nil {
		return Client{}, clientMetadata{}, err
	}
	client.ID, client.Source = id, ClientDocument
	return client, m, nil
}

// unusable is the fault of whoever publishes the document.
func unusable(reason string) error {
	return refusePage(http.StatusBadRequest, "What the app publishes about itself (its client metadata document) cannot be used. "+reason)
}

// unreachable says nothing about what the network answered: it may be ours.
func unreachable(cause error) error {
	return &oauthError{
		status: http.StatusServiceUnavailable, code: codeUnavailable, wait: fetchAgain,
		description: "What the app publishes about itself (its client metadata document) could not be fetched. Try again in a moment.",
		cause:       fmt.Errorf("client metadata: %w", cause),
	}
}

// freshness is how long HTTP lets an answer be used without asking again (RFC 9111
// section 4.2), within our own bounds.
func freshness(h http.Header) time.Duration {
	lifetime := usuallyFresh
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
		switch name {
		case "no-store", "no-cache":
			return leastFresh
		case "max-age":
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if err != nil {
				return leastFresh
			}
			lifetime = time.Duration(seconds) * time.Second
		}
	}
	if age, err := strconv.ParseUint(h.Get("Age"), 10, 31); err == nil {
		lifetime -= time.Duration(age) * time.Second
	}
	return min(max(lifetime, leastFresh), mostFresh)
}

// entityTag keeps what is worth sending back.
func entityTag(h http.Header) string {
	if tag := h.Get("ETag"); len(tag) <= 128 {
		return tag
	}
	return ""
}

package perimeter

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// Groups are not in Access's assertion: its identity endpoint tells them to who sends
// the assertion as the cookie that a browser has
// (https://developers.cloudflare.com/cloudflare-one/access-controls/applications/http-apps/authorization-cookie/application-token/).
const (
	identityPath    = "/cdn-cgi/access/get-identity"
	identityTimeout = 3 * time.Second
	maxIdentity     = 128 << 10
	maxIdentities   = 10_000 // assertions whose groups are remembered
	maxQuestions    = 16     // at once

	groupsLifetime = 5 * time.Minute
	groupsPause    = 30 * time.Second // after a failure
)

// WithGroups has Access asked for the groups of people. Failures go to log: groups are
// unknown then, and nobody is refused for it here.
func (a Assertion) WithGroups(log *slog.Logger) Assertion {
	a.identityURL, a.log = a.Issuer+identityPath, log
	return a
}

// groups remembers what the identity endpoint tells, by assertion.
type groups struct {
	url    string
	client *http.Client
	now    func() time.Time
	log    *slog.Logger

	flights singleflight.Group
	slots   chan struct{}

	mu    sync.Mutex
	known map[[sha256.Size]byte]groupList
}

type groupList struct {
	names []string // nil: unknown
	until time.Time
}

func newGroups(url string, client *http.Client, now func() time.Time, log *slog.Logger) *groups {
	return &groups{url: url, client: client, now: now, log: log, slots: make(chan struct{}, maxQuestions), known: map[[sha256.Size]byte]groupList{}}
}

// of returns the groups of the person of a verified assertion, or nil where they are
// not known. It never takes longer than the timeout.
func (g *groups) of(ctx context.Context, assertion, email string, expires time.Time) []string {
	key := sha256.Sum256([]byte(assertion))
	g.mu.Lock()
	have, ok := g.known[key]
	g.mu.Unlock()
	if ok && g.now().Before(have.until) {
		return have.names
	}
	// Whoever asks first may go away; the others still wait.
	flight := g.flights.DoChan(string(key[:]), func() (any, error) {
		names, err := g.ask(context.WithoutCancel(ctx), assertion, email)
		life := groupsLifetime
		if err != nil {
			g.log.WarnContext(ctx, "perimeter groups are unknown", "error", err)
			life = groupsPause
		}
		until := g.now().Add(life)
		if expires.Before(until) {
			until = expires
		}
		g.keep(key, groupList{names, until})
		return names, nil
	})
	select {
	case result := <-flight:
		names, _ := result.Val.([]string)
		return names
	case <-ctx.Done():
		return nil
	}
}

// keep makes room by what has ended, or by anything: what is forgotten is asked again.
func (g *groups) keep(key [sha256.Size]byte, list groupList) {
	now := g.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.known) >= maxIdentities {
		maps.DeleteFunc(g.known, func(_ [sha256.Size]byte, l groupList) bool { return !now.Before(l.until) })
	}
	for other := range g.known {
		if len(g.known) < maxIdentities {
			break
		}
		delete(g.known, other)
	}
	g.known[key] = list
}

// ask sends the assertion back to who made it, and nowhere else: the client is pinned.
func (g *groups) ask(ctx context.Context, assertion, email string) (names []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, identityTimeout)
	defer cancel()
	select {
	case g.slots <- struct{}{}:
		defer func() { <-g.slots }()
	case <-ctx.Done():
		return nil, fmt.Errorf("too many questions at once: %w", ctx.Err())
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url, nil)
	if err != nil {
		return nil, err
	}
	r.AddCookie(&http.Cookie{Name: assertionCookie, Value: assertion}) //nolint:gosec // a request's cookie has no attributes
	resp, err := g.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the identity endpoint answered %s", resp.Status)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxIdentity+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxIdentity {
		return nil, errors.New("the identity endpoint's answer is too long")
	}
	return groupsIn(body, email)
}

// groupsIn reads an identity, which must be that of the person of the assertion. A group
// counts by its id, where it has one: its name is whatever its owner likes.
func groupsIn(body []byte, email string) ([]string, error) {
	var in struct {
		Email  string            `json:"email"`
		Groups []json.RawMessage `json:"groups"`
	}
	if json.Unmarshal(body, &in) != nil {
		return nil, errors.New("the identity endpoint's answer cannot be read")
	}
	if !strings.EqualFold(in.Email, email) {
		return nil, errors.New("the identity endpoint names another person")
	}
	names := make([]string, 0, len(in.Groups))
	for _, raw := range in.Groups {
		var name string
		if json.Unmarshal(raw, &name) != nil {
			var group struct {
				ID    string `json:"id"`
				Email string `json:"email"`
				Name  string `json:"name"`
			}
			if json.Unmarshal(raw, &group) != nil {
				return nil, errors.New("the identity endpoint's groups cannot be read")
			}
			name = cmp.Or(group.ID, group.Email, group.Name)
		}
		if name != "" {
			names = append(names, name)
		}
	}
	return names, nil
}

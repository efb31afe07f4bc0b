package gateway

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"golang.org/x/sync/semaphore"

	"m365mcp/graph"
	"m365mcp/identity"
)

// mailboxConcurrency is how many requests of one app Outlook serves at once in
// one mailbox (https://learn.microsoft.com/graph/throttling-limits); more are
// answered with 429.
const mailboxConcurrency = 4

// slots bounds the requests under way for each mailbox, first come, first served.
// One mailbox's queue is no other's (invariant 6).
type slots struct {
	mu   sync.Mutex
	held map[string]*slot
}

type slot struct {
	sem   *semaphore.Weighted
	users int // holding or waiting; at zero the slot is forgotten
}

// acquire waits for a place of key until ctx ends. The caller must call release.
func (s *slots) acquire(ctx context.Context, key string) (release func(), err error) {
	s.mu.Lock()
	one := s.held[key]
	if one == nil {
		one = &slot{sem: semaphore.NewWeighted(mailboxConcurrency)}
		s.held[key] = one
	}
	one.users++
	s.mu.Unlock()

	leave := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if one.users--; one.users == 0 {
			delete(s.held, key)
		}
	}
	if err := one.sem.Acquire(ctx, 1); err != nil {
		leave()
		return nil, fmt.Errorf("waiting for one of %d requests under way: %w", mailboxConcurrency, err)
	}
	return func() { one.sem.Release(1); leave() }, nil
}

// slotKey names the mailbox that a request is for: the one in /users/{mailbox}/...,
// else the person's own. A batch has the mailbox that all of its parts are for.
func slotKey(p identity.Principal, r graph.Request) string {
	own := p.UserKey()
	if len(r.Sub) > 0 {
		key := slotKey(p, r.Sub[0])
		for _, sub := range r.Sub[1:] {
			if slotKey(p, sub) != key {
				return own
			}
		}
		return key
	}
	if !strings.HasPrefix(r.Path.Template(), "/users/{") {
		return own
	}
	escaped, _, below := strings.Cut(strings.TrimPrefix(r.Path.String(), "/users/"), "/")
	mailbox, err := url.PathUnescape(escaped)
	if err != nil || !below || strings.EqualFold(mailbox, p.UserID) || strings.EqualFold(mailbox, p.Mail) {
		return own
	}
	return p.TenantID + "/" + strings.ToLower(mailbox)
}

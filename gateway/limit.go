package gateway

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/semaphore"
)

// mailboxConcurrency is how many requests of one app Outlook serves at once in
// one mailbox (https://learn.microsoft.com/graph/throttling-limits); more are
// answered with 429.
const mailboxConcurrency = 4

// slots bounds the requests under way for each person, first come, first served.
// One person's queue is nobody else's (invariant 6).
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

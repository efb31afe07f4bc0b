package app

import (
	"sync"
	"time"

	"m365mcp/identity"
)

// againAfter is how often a client is sent through a sign-in because Microsoft
// wants one. Where the last one did not content it, the next would not either,
// and clients start sign-ins by themselves: that would go in circles.
const againAfter = 10 * time.Minute

// signIns remembers for whom a new sign-in was demanded lately, in this process.
type signIns struct {
	now func() time.Time

	mu       sync.Mutex
	demanded map[string]time.Time // by person and client
}

// demand notes that Microsoft wants a new sign-in in place of a grant of this
// person and client. It returns false where the grant is the outcome of such a
// demand of a moment ago.
func (s *signIns) demand(p identity.Principal, granted time.Time) bool {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.demanded == nil {
		s.demanded = map[string]time.Time{}
	}
	for key, at := range s.demanded {
		if now.Sub(at) >= againAfter {
			delete(s.demanded, key)
		}
	}
	key := p.UserKey() + " " + p.ClientID
	if at, lately := s.demanded[key]; lately && granted.After(at) {
		return false
	}
	s.demanded[key] = now
	return true
}

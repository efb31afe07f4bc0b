package authserver

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Requests of one network address that this replica answers. Offices share an
// address, so these leave room for many people; what is kept of everybody together
// has bounds of its own.
const (
	defaultRegistrations = 300  // an hour; a third of the unused clients that are kept
	authorizeRate        = 600  // a minute
	consentRate          = 120  // a minute: each may begin a sign-in
	fetchRate            = 60   // a minute: of metadata documents that are not at hand
	failureRate          = 60   // a minute: of one client's secret, or one token
	serviceRate          = 60   // a minute: tokens of one service, each good for up to an hour
	introspectRate       = 6000 // a minute: a service may ask with each of its own requests
	limitedAddresses     = 20_000
)

// limits are the rate limits of one server.
type limits struct {
	registrations, authorize, consent, fetches, failures, services, introspect *limiter
}

func newLimits(registrations int) limits {
	return limits{
		registrations: newLimiter(registrations, time.Hour),
		authorize:     newLimiter(authorizeRate, time.Minute),
		consent:       newLimiter(consentRate, time.Minute),
		fetches:       newLimiter(fetchRate, time.Minute),
		failures:      newLimiter(failureRate, time.Minute),
		services:      newLimiter(serviceRate, time.Minute),
		introspect:    newLimiter(introspectRate, time.Minute),
	}
}

// limiter lets n events of a key pass at once, and then one each time that period/n
// has gone by (the generic cell rate algorithm). It forgets the keys that were seen
// longest ago when there are too many: then they begin anew.
type limiter struct {
	period, each time.Duration

	mu   sync.Mutex
	next recent[time.Time] // when all that has passed would have passed evenly
}

func newLimiter(n int, period time.Duration) *limiter {
	return &limiter{period: period, each: period / time.Duration(n), next: newRecent[time.Time](limitedAddresses)}
}

// take lets one event pass, or says how long to wait for the next.
func (l *limiter) take(key string, now time.Time) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next, wait := l.state(key, now)
	if wait == 0 {
		l.next.put(key, next.Add(l.each))
	}
	return wait
}

// wait says how long to wait for the next event, and lets none pass.
func (l *limiter) wait(key string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, wait := l.state(key, now)
	return wait
}

func (l *limiter) state(key string, now time.Time) (next time.Time, wait time.Duration) {
	next, _ = l.next.get(key)
	if next.Before(now) {
		next = now
	}
	return next, max(0, next.Sub(now)+l.each-l.period)
}

// limited answers 429 to an address that asks too often.
func (s *Server) limited(l *limiter, handle func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		if wait := l.take(s.address(r), s.now()); wait > 0 {
			return tooOften(wait)
		}
		return handle(w, r)
	}
}

// failureKey joins the address and what is tried there: a client's secret, a code, a
// token. Others behind the same address are not held up.
func (s *Server) failureKey(r *http.Request, tried string) string {
	id := digest(tried)
	return s.address(r) + " " + string(id[:])
}

func tooOften(wait time.Duration) *oauthError {
	return &oauthError{
		status: http.StatusTooManyRequests, code: codeUnavailable, wait: wait,
		description: "There were too many requests from your network address lately. Try again in " + inWords(wait) + ".",
	}
}

// inWords rounds up.
func inWords(d time.Duration) string {
	n, unit := math.Ceil(d.Seconds()), "second"
	if n > 90 {
		n, unit = math.Ceil(d.Minutes()), "minute"
	}
	if n > 1 {
		unit += "s"
	}
	return strconv.Itoa(int(n)) + " " + unit
}

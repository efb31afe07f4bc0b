// Package fault makes the simulated tenant misbehave on demand: throttling,
// outages, slow answers and connections that break before or after the work
// was done.
//
// A request passes [Switchboard.Middleware] first, before authentication. The
// first rule that matches it is applied: wait, then break the connection,
// answer in Graph's error format, or let the request through. Rules come from
// tests by [Switchboard.Add] or from people by the control API of
// [Switchboard.Handler].
package fault

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Rule says which requests fail, and how.
type Rule struct {
	Method string // empty: any
	Path   string // glob on the URL path: * within a segment, ** across segments; empty: any

	Delay       time.Duration     // wait first, whatever follows
	Reset       bool              // break the connection before the request is performed
	ResetAfter  bool              // perform the request, then break the connection without an answer
	Status      int               // answer with this status; 0: perform the request
	Code        string            // error code of Graph's error body
	Message     string            // error message of Graph's error body
	RetryAfter  string            // raw Retry-After header
	Header      map[string]string // further headers of the answer
	Body        string            // instead of Graph's error body
	ContentType string            // of Body

	Times int // how many requests it affects; 0: until cleared
}

// Active is a rule in force.
type Active struct {
	ID   string
	Hits int // requests affected so far
	Rule Rule
}

type entry struct {
	Active
	path *regexp.Regexp
}

// Switchboard holds the rules. It is safe for concurrent use.
type Switchboard struct {
	now   func() time.Time
	sleep func(context.Context, time.Duration) error

	mu      sync.Mutex
	serial  int
	entries []*entry
}

// New returns a switchboard without rules. A nil sleep means [Sleep].
func New(now func() time.Time, sleep func(context.Context, time.Duration) error) *Switchboard {
	if sleep == nil {
		sleep = Sleep
	}
	return &Switchboard{now: now, sleep: sleep}
}

// Sleep waits for d, or until the context ends.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Add puts a rule behind those already there and returns its id.
func (s *Switchboard) Add(rule Rule) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serial++
	id := strconv.Itoa(s.serial)
	s.entries = append(s.entries, &entry{Active: Active{ID: id, Rule: rule}, path: compileGlob(rule.Path)})
	return id
}

// Clear removes every rule.
func (s *Switchboard) Clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = nil
}

// Rules lists the rules in force, oldest first.
func (s *Switchboard) Rules() []Active {
	s.mu.Lock()
	defer s.mu.Unlock()
	rules := make([]Active, 0, len(s.entries))
	for _, e := range s.entries {
		rules = append(rules, e.Active)
	}
	return rules
}

// take returns the first rule that matches and counts it; a rule that has
// been used up is removed.
func (s *Switchboard) take(method, path string) (Rule, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, e := range s.entries {
		if e.Rule.Method != "" && !strings.EqualFold(e.Rule.Method, method) {
			continue
		}
		if !e.path.MatchString(path) {
			continue
		}
		e.Hits++
		if e.Rule.Times > 0 && e.Hits >= e.Rule.Times {
			s.entries = slices.Delete(s.entries, i, i+1)
		}
		return e.Rule, true
	}
	return Rule{}, false
}

// compileGlob translates the glob to RE2, which matches in linear time.
func compileGlob(glob string) *regexp.Regexp {
	if glob == "" {
		glob = "**"
	}
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	for glob != "" {
		star := strings.IndexByte(glob, '*')
		if star < 0 {
			b.WriteString(regexp.QuoteMeta(glob))
			break
		}
		b.WriteString(regexp.QuoteMeta(glob[:star]))
		if rest, ok := strings.CutPrefix(glob[star:], "**"); ok {
			b.WriteString(`.*`)
			glob = rest
			continue
		}
		b.WriteString(`[^/]*`)
		glob = glob[star+1:]
	}
	b.WriteString(`\z`)
	return regexp.MustCompile(b.String())
}

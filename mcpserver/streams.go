package mcpserver

import (
	"context"
	"errors"
	"sync"
)

var errTooMany = errors.New("too many streams are open for this person: close one")

// streams are those that are open on this replica.
type streams struct {
	each     int           // of one person
	stopping chan struct{} // closed by stop

	mu      sync.Mutex
	stopped bool
	open    map[string]*stream
	cut     map[*stream]context.CancelCauseFunc
	running sync.WaitGroup
}

func newStreams(each int) *streams {
	return &streams{each: each, stopping: make(chan struct{}), open: map[string]*stream{}, cut: map[*stream]context.CancelCauseFunc{}}
}

// add makes a stream known, and returns what it lives in until remove.
func (s *streams) add(ctx context.Context, st *stream) (context.Context, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil, errStopping
	}
	has := 0
	for _, other := range s.open {
		if other.owner.user == st.owner.user {
			has++
		}
	}
	if has >= s.each {
		return nil, errTooMany
	}
	s.running.Add(1)
	ctx, cancel := context.WithCancelCause(ctx)
	s.open[st.id], s.cut[st] = st, cancel
	return ctx, nil
}

func (s *streams) remove(st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut[st](nil)
	delete(s.open, st.id)
	delete(s.cut, st)
	s.running.Done()
}

// find returns the stream if it is the owner's, and nil otherwise.
func (s *streams) find(id string, by owner) *stream {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.open[id]; st != nil && st.owner == by {
		return st
	}
	return nil
}

// stop lets no more in, and returns when all have ended: by themselves until ctx
// ends, then cut.
func (s *streams) stop(ctx context.Context) {
	s.mu.Lock()
	if !s.stopped {
		s.stopped = true
		close(s.stopping)
	}
	s.mu.Unlock()
	defer context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, cut := range s.cut {
			cut(errStopping)
		}
	})()
	s.running.Wait()
}

package worker

import (
	"context"
	"fmt"
	"slices"

	"m365mcp/content/document"
)

// waiter is a document in the queue.
type waiter struct {
	person string
	turn   chan struct{} // closed when it has a place
}

// acquire waits for a place. While others wait, a person has one place at most,
// and what else waits of that person goes behind them with every turn.
func (p *Pool) acquire(ctx context.Context, person string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return ErrClosed
	}
	if p.active < p.o.Children { // nobody waits
		p.take(person)
		p.mu.Unlock()
		return nil
	}
	own := 0
	for _, w := range p.queue {
		if w.person == person {
			own++
		}
	}
	if len(p.queue) >= p.o.Waiting || own >= max(1, p.o.Waiting/4) {
		p.mu.Unlock()
		return document.ErrBusy
	}
	w := &waiter{person, make(chan struct{})}
	p.queue = append(p.queue, w)
	p.mu.Unlock()

	var err error
	select {
	case <-w.turn:
		return nil
	case <-ctx.Done():
		err = fmt.Errorf("%w: %w", document.ErrBusy, ctx.Err())
	case <-p.done:
		err = ErrClosed
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.queue, w); i >= 0 {
		p.queue = slices.Delete(p.queue, i, i+1)
		return err
	}
	p.give(person) // its turn came at the same moment
	return err
}

func (p *Pool) take(person string) {
	p.ends.Add(1) // Close waits for calls too: they start children
	p.active++
	p.running[person]++
}

func (p *Pool) release(person string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.give(person)
}

// give frees a place of person and hands it on.
func (p *Pool) give(person string) {
	defer p.ends.Done()
	p.active--
	if p.running[person]--; p.running[person] == 0 {
		delete(p.running, person)
	}
	if len(p.queue) == 0 {
		return
	}
	next := max(0, slices.IndexFunc(p.queue, func(w *waiter) bool { return p.running[w.person] == 0 }))
	w := p.queue[next]
	others, same := make([]*waiter, 0, len(p.queue)), make([]*waiter, 0, len(p.queue))
	for i, q := range p.queue {
		switch {
		case i == next:
		case q.person == w.person:
			same = append(same, q)
		default:
			others = append(others, q)
		}
	}
	p.queue = append(others, same...)
	p.take(w.person)
	close(w.turn)
}

package worker

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"m365mcp/content/document"
)

// turns queues persons in the order given on a pool that ada keeps busy, then
// frees one place after the other, and returns who got them.
func turns(t *testing.T, children int, queued string) (order string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p, err := New(Options{Command: []string{"-"}, Children: children, Waiting: 100})
		if err != nil {
			t.Fatal(err)
		}
		for range children {
			if err := p.acquire(t.Context(), "ada"); err != nil {
				t.Fatal(err)
			}
		}
		got := make(chan string, len(queued))
		for person := range strings.SplitSeq(queued, "") {
			go func() {
				if err := p.acquire(t.Context(), person); err != nil {
					t.Error(err)
				}
				got <- person
			}()
			synctest.Wait()
		}
		held := make([]string, 0, len(queued)+children)
		for range children {
			held = append(held, "ada")
		}
		for range len(queued) {
			p.release(held[0])
			held = held[1:]
			next := <-got
			held = append(held, next)
			order += next
		}
		for _, person := range held {
			p.release(person)
		}
		if p.active != 0 || len(p.running) != 0 {
			t.Errorf("left over: %d, %v", p.active, p.running)
		}
	})
	return order
}

func TestQueueIsFair(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		children     int
		queued, want string
	}{
		{1, "abc", "abc"},
		{1, "aaab", "abaa"},
		{1, "aabbc", "abcab"},
		{2, "aab", "aba"}, // b before a's second
		{2, "aaa", "aaa"}, // nobody else waits
		{2, "aaabb", "ababa"},
	} {
		if diff := cmp.Diff(c.want, turns(t, c.children, c.queued)); diff != "" {
			t.Errorf("%d children, %s: %s", c.children, c.queued, diff)
		}
	}
}

func TestFullQueueIsBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, err := New(Options{Command: []string{"-"}, Children: 1, Waiting: 4})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.acquire(t.Context(), "ada"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		results := make(chan error, 4)
		for _, person := range []string{"ada", "bo", "cy", "di"} {
			go func() { results <- p.acquire(ctx, person) }()
			synctest.Wait()
			if err := p.acquire(ctx, person); !errors.Is(err, document.ErrBusy) {
				t.Errorf("a second place of %s: %v", person, err)
			}
		}
		if err := p.acquire(ctx, "eve"); !errors.Is(err, document.ErrBusy) {
			t.Errorf("a fifth: %v", err)
		}
		cancel()
		for range 4 {
			if err := <-results; !errors.Is(err, document.ErrBusy) || !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled: %v", err)
			}
		}
		p.release("ada")
		if err := p.acquire(t.Context(), "ada"); err != nil {
			t.Error(err)
		}
		p.release("ada")
	})
}

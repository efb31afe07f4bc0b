package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/handle"
)

// Handles checks the contract of [handle.Store]; open returns an empty store.
func Handles(t *testing.T, open func(t *testing.T) handle.Store) {
	t.Helper()
	handleRows(t, open)
	handleNames(t, open)
	handleUse(t, open)
	handleDeletion(t, open)
	handleRaces(t, open)
}

var (
	handleNow = time.Date(2026, 3, 29, 1, 30, 0, 123e6, time.UTC)
	alice     = handle.Person{TenantID: "t1", UserID: "alice"}
	bob       = handle.Person{TenantID: "t1", UserID: "bob"}
	stranger  = handle.Person{TenantID: "t2", UserID: "alice"} // the same user id elsewhere
)

func mailItem(graphID string, names ...string) handle.Item {
	return handle.Item{Kind: handle.KindMail, GraphID: graphID, Names: names}
}

// remember stores with everything older than a day being stale.
func remember(t *testing.T, s handle.Store, p handle.Person, now time.Time, items ...handle.Item) []string {
	t.Helper()
	names, err := s.Remember(t.Context(), p, items, now, now.Add(-24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func wantHandles(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("handles (-want +got):\n%s", diff)
	}
}

func wantEntry(t *testing.T, s handle.Store, p handle.Person, name, graphID string, usedAt time.Time) {
	t.Helper()
	got, err := s.Find(t.Context(), p, name)
	if err != nil {
		t.Fatalf("Find %s: %v", name, err)
	}
	if diff := cmp.Diff(handle.Entry{GraphID: graphID, UsedAt: usedAt}, got); diff != "" {
		t.Errorf("entry of %s (-want +got):\n%s", name, diff)
	}
}

func wantUnknown(t *testing.T, s handle.Store, p handle.Person, name string) {
	t.Helper()
	if e, err := s.Find(t.Context(), p, name); !errors.Is(err, handle.ErrUnknown) {
		t.Errorf("Find %s of %v = %v, %v, want ErrUnknown", name, p, e, err)
	}
}

func handleRows(t *testing.T, open func(t *testing.T) handle.Store) {
	t.Helper()
	t.Run("a page comes back in its order", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		wantUnknown(t, s, alice, "m_a")
		wantHandles(t, remember(t, s, alice, handleNow, mailItem("B", "m_b")), "m_b")
		odd := "Ä'\"\\%_[]{}\n=="
		page := []handle.Item{mailItem("A", "m_a"), mailItem("B", "m_b"), mailItem(odd, "m_c"), mailItem("A", "m_a")}
		for range 2 {
			wantHandles(t, remember(t, s, alice, handleNow, page...), "m_a", "m_b", "m_c", "m_a")
		}
		wantEntry(t, s, alice, "m_a", "A", handleNow)
		wantEntry(t, s, alice, "m_c", odd, handleNow)
		wantUnknown(t, s, alice, "m_")
		wantUnknown(t, s, alice, "M_A")
	})
	t.Run("an empty page", func(t *testing.T) {
		t.Parallel()
		if names := remember(t, open(t), alice, handleNow); len(names) != 0 {
			t.Errorf("handles of nothing: %q", names)
		}
	})
	t.Run("a large page", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		page, want := make([]handle.Item, 1000), make([]string, 1000)
		for i := range page {
			want[i] = fmt.Sprintf("m_%04d", i)
			page[i] = mailItem(fmt.Sprintf("graph id %0150d", i), want[i])
		}
		for range 2 {
			wantHandles(t, remember(t, s, alice, handleNow, page...), want...)
		}
	})
	t.Run("people have rows of their own", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		for i, p := range []handle.Person{alice, bob, stranger} {
			id := fmt.Sprint(i)
			wantHandles(t, remember(t, s, p, handleNow, mailItem(id, "m_a")), "m_a")
			wantHandles(t, remember(t, s, p, handleNow, mailItem("shared", "m_s"+id)), "m_s"+id)
		}
		for i, p := range []handle.Person{alice, bob, stranger} {
			wantEntry(t, s, p, "m_a", fmt.Sprint(i), handleNow)
			wantEntry(t, s, p, "m_s"+fmt.Sprint(i), "shared", handleNow)
			wantUnknown(t, s, p, "m_s"+fmt.Sprint((i+1)%3))
		}
	})
	t.Run("a cancelled call changes nothing", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if names, err := s.Remember(ctx, alice, []handle.Item{mailItem("A", "m_a")}, handleNow, handleNow); err == nil {
			t.Errorf("Remember with a cancelled context = %q", names)
		}
		wantUnknown(t, s, alice, "m_a")
	})
}

func handleNames(t *testing.T, open func(t *testing.T) handle.Store) {
	t.Helper()
	t.Run("a remembered handle wins over other names", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		remember(t, s, alice, handleNow, mailItem("A", "m_a", "m_aa"))
		wantHandles(t, remember(t, s, alice, handleNow, mailItem("A", "m_x", "m_xx"), mailItem("B", "m_y")), "m_a", "m_y")
		wantUnknown(t, s, alice, "m_x")
	})
	t.Run("a taken name gives way to the next", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		remember(t, s, alice, handleNow, mailItem("A", "m_a", "m_aa"))
		page := []handle.Item{
			mailItem("B", "m_a", "m_ab", "m_abb"), // taken by an earlier page
			mailItem("C", "m_a", "m_ab", "m_abc"), // and by an item before it
			mailItem("A", "m_a", "m_aa"),
			mailItem("C", "m_a", "m_ab", "m_abc"),
		}
		for range 2 {
			wantHandles(t, remember(t, s, alice, handleNow, page...), "m_ab", "m_abc", "m_a", "m_abc")
		}
		wantEntry(t, s, alice, "m_a", "A", handleNow)
		wantEntry(t, s, alice, "m_ab", "B", handleNow)
		wantEntry(t, s, alice, "m_abc", "C", handleNow)
	})
	t.Run("no free name: all or nothing", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		remember(t, s, alice, handleNow, mailItem("A", "m_a"))
		later := handleNow.Add(48 * time.Hour)
		page := []handle.Item{mailItem("A", "m_a"), mailItem("B", "m_b"), mailItem("C", "m_a", "m_b")}
		if names, err := s.Remember(t.Context(), alice, page, later, later); !errors.Is(err, handle.ErrTaken) {
			t.Errorf("Remember = %q, %v, want ErrTaken", names, err)
		}
		wantUnknown(t, s, alice, "m_b")
		wantEntry(t, s, alice, "m_a", "A", handleNow)
	})
	t.Run("one Graph id of two kinds is two items", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		event := handle.Item{Kind: handle.KindEvent, GraphID: "A", Names: []string{"ev_a"}}
		wantHandles(t, remember(t, s, alice, handleNow, mailItem("A", "m_a"), event), "m_a", "ev_a")
		wantHandles(t, remember(t, s, alice, handleNow, event, mailItem("A", "m_a")), "ev_a", "m_a")
	})
}

func handleUse(t *testing.T, open func(t *testing.T) handle.Store) {
	t.Helper()
	t.Run("remembering again moves a stale use", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		remember(t, s, alice, handleNow, mailItem("A", "m_a"))
		remember(t, s, bob, handleNow, mailItem("A", "m_a"))
		day := handleNow.Add(24 * time.Hour)
		remember(t, s, alice, day, mailItem("A", "m_a"))
		wantEntry(t, s, alice, "m_a", "A", handleNow) // not before stale
		later := day.Add(time.Millisecond)
		wantHandles(t, remember(t, s, alice, later, mailItem("A", "m_a"), mailItem("B", "m_b")), "m_a", "m_b")
		wantEntry(t, s, alice, "m_a", "A", later)
		wantEntry(t, s, bob, "m_a", "A", handleNow)
	})
	t.Run("touch moves a use and never back", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		remember(t, s, alice, handleNow, mailItem("A", "m_a"), mailItem("B", "m_b"))
		remember(t, s, bob, handleNow, mailItem("A", "m_a"))
		later := handleNow.Add(time.Millisecond)
		for _, now := range []time.Time{later, handleNow} {
			if err := s.Touch(t.Context(), alice, "m_a", now); err != nil {
				t.Fatal(err)
			}
			wantEntry(t, s, alice, "m_a", "A", later)
		}
		wantEntry(t, s, alice, "m_b", "B", handleNow)
		wantEntry(t, s, bob, "m_a", "A", handleNow)
		if err := s.Touch(t.Context(), alice, "m_none", later); err != nil {
			t.Errorf("Touch of nothing: %v", err)
		}
		wantUnknown(t, s, alice, "m_none")
	})
}

func handleDeletion(t *testing.T, open func(t *testing.T) handle.Store) {
	t.Helper()
	t.Run("delete the unused, some at a time", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		for i, p := range []handle.Person{alice, alice, bob, alice} {
			id := fmt.Sprint(i)
			remember(t, s, p, handleNow.Add(time.Duration(i)*time.Millisecond), mailItem(id, "m_"+id))
		}
		for _, want := range []int{2, 1, 0} {
			n, err := s.DeleteUnused(t.Context(), handleNow.Add(2*time.Millisecond), 2)
			if err != nil || n != want {
				t.Fatalf("DeleteUnused = %d, %v, want %d", n, err, want)
			}
		}
		wantUnknown(t, s, alice, "m_0")
		wantUnknown(t, s, alice, "m_1")
		wantUnknown(t, s, bob, "m_2")
		wantEntry(t, s, alice, "m_3", "3", handleNow.Add(3*time.Millisecond))
		wantHandles(t, remember(t, s, alice, handleNow, mailItem("other", "m_0")), "m_0") // the name is free again
	})
	t.Run("delete a person", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		for _, p := range []handle.Person{alice, bob, stranger} {
			remember(t, s, p, handleNow, mailItem("A", "m_a"), mailItem("B", "m_b"))
		}
		for range 2 { // deleting what is gone is no error
			if err := s.DeletePerson(t.Context(), alice); err != nil {
				t.Fatal(err)
			}
		}
		wantUnknown(t, s, alice, "m_a")
		wantUnknown(t, s, alice, "m_b")
		wantEntry(t, s, bob, "m_a", "A", handleNow)
		wantEntry(t, s, stranger, "m_b", "B", handleNow)
	})
}

func handleRaces(t *testing.T, open func(t *testing.T) handle.Store) {
	t.Helper()
	const racers = 8
	t.Run("all who remember an item agree", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		got := make([][]string, racers)
		var wg sync.WaitGroup
		for i := range racers {
			wg.Go(func() { // each would give a name of its own, as replicas with unlike keys do
				a, b := mailItem("A", fmt.Sprintf("m_a%d", i)), mailItem("B", fmt.Sprintf("m_b%d", i))
				var err error
				if got[i], err = s.Remember(t.Context(), alice, []handle.Item{a, b}, handleNow, handleNow); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, names := range got {
			wantHandles(t, names, got[0]...)
		}
	})
	t.Run("no two items share a name", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		names := make([]string, racers)
		for i := range names {
			names[i] = fmt.Sprintf("m_%d", i)
		}
		got := make([]string, racers)
		var wg sync.WaitGroup
		for i := range racers {
			wg.Go(func() {
				one, err := s.Remember(t.Context(), alice, []handle.Item{mailItem(fmt.Sprint(i), names...)}, handleNow, handleNow)
				if err != nil || len(one) != 1 {
					t.Errorf("Remember = %q, %v", one, err)
					return
				}
				got[i] = one[0]
			})
		}
		wg.Wait()
		for i, name := range got {
			wantEntry(t, s, alice, name, fmt.Sprint(i), handleNow)
		}
		slices.Sort(got)
		wantHandles(t, got, names...)
	})
	t.Run("pages in any order do not block each other", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		page := make([]handle.Item, 40)
		want := make([]string, len(page))
		for i := range page {
			want[i] = fmt.Sprintf("m_%02d", i)
			page[i] = mailItem(fmt.Sprint("item ", i), want[i])
		}
		for round := range 6 { // new ones, then ones whose use is stale
			now := handleNow.Add(time.Duration(round/2*48) * time.Hour)
			only(t, concurrently(racers, func(i int) error {
				mine, names := slices.Clone(page), slices.Clone(want)
				if i%2 == 1 {
					slices.Reverse(mine)
					slices.Reverse(names)
				}
				got, err := s.Remember(t.Context(), alice, mine, now, now.Add(-24*time.Hour))
				if err == nil && !slices.Equal(got, names) {
					err = fmt.Errorf("handles are %q", got)
				}
				return err
			}))
			if round%2 == 1 {
				must(t, s.DeletePerson(t.Context(), alice))
			}
		}
	})
	t.Run("what is remembered beside a sweep stays", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		for round := range raceRounds {
			before := handleNow.Add(time.Duration(round) * 48 * time.Hour)
			now := before.Add(24 * time.Hour)
			page := make([]handle.Item, 10)
			for i := range page {
				page[i] = mailItem(fmt.Sprint("item ", i), fmt.Sprint("m_", i))
			}
			remember(t, s, alice, before, page...)
			only(t, concurrently(4, func(i int) error {
				if i > 1 { // as two replicas sweep
					_, err := s.DeleteUnused(t.Context(), before, 100)
					return err
				}
				_, err := s.Remember(t.Context(), alice, page, now, now.Add(-time.Hour))
				return err
			}))
			for i := range page {
				wantEntry(t, s, alice, fmt.Sprint("m_", i), fmt.Sprint("item ", i), now)
			}
		}
	})
}

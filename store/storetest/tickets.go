package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/ticket"
)

// Tickets checks the contract of [ticket.Store]; open returns an empty store.
func Tickets(t *testing.T, open func(t *testing.T) ticket.Store) {
	t.Helper()
	ticketRows(t, open)
	ticketPersons(t, open)
	ticketClaims(t, open)
	ticketRaces(t, open)
}

var (
	ticketNow   = time.Date(2026, 3, 29, 1, 30, 0, 123e6, time.UTC)
	ticketOwner = ticket.Person{TenantID: "t1", UserID: "alice"}
)

func ticketRow(n byte, owner ticket.Person) ticket.Row {
	return ticket.Row{
		Digest: ticket.Digest{n, 0, '\'', 0xff}, GrantID: fmt.Sprint("grant-", n), Owner: owner, Kind: ticket.Download,
		Item: []byte{0, 1, n}, ExpiresAt: ticketNow.Add(10 * time.Minute),
	}
}

func insertTicket(t *testing.T, s ticket.Store, row ticket.Row) ticket.Row {
	t.Helper()
	if err := s.Insert(t.Context(), row, 10, ticketNow); err != nil {
		t.Fatal(err)
	}
	return row
}

func wantTicket(t *testing.T, s ticket.Store, want ticket.Row, now time.Time) {
	t.Helper()
	got, err := s.Find(t.Context(), want.Digest, now)
	if err != nil {
		t.Fatalf("Find: %v", err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
}

func wantNoTicket(t *testing.T, s ticket.Store, digest ticket.Digest, now time.Time) {
	t.Helper()
	if row, err := s.Find(t.Context(), digest, now); !errors.Is(err, ticket.ErrNotFound) {
		t.Errorf("Find = %v, %v, want ErrNotFound", row, err)
	}
}

// claim claims for a minute.
func claim(t *testing.T, s ticket.Store, row ticket.Row, holder string, now time.Time, want error) {
	t.Helper()
	if err := s.Claim(t.Context(), row.Digest, holder, now, now.Add(time.Minute)); !errors.Is(err, want) {
		t.Errorf("Claim for %s = %v, want %v", holder, err, want)
	}
}

func ticketRows(t *testing.T, open func(t *testing.T) ticket.Store) {
	t.Helper()
	t.Run("a ticket is found until it expires", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		row := ticketRow(1, ticketOwner)
		wantNoTicket(t, s, row.Digest, ticketNow)
		insertTicket(t, s, row)
		other := ticketRow(2, ticket.Person{TenantID: "t2", UserID: "alice"})
		other.Kind = ticket.Upload
		insertTicket(t, s, other)
		wantTicket(t, s, row, ticketNow)
		wantTicket(t, s, other, row.ExpiresAt.Add(-time.Millisecond))
		wantNoTicket(t, s, row.Digest, row.ExpiresAt)
		wantNoTicket(t, s, ticket.Digest{}, ticketNow)
	})
	t.Run("a person has so many", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		soon := ticketRow(0, ticketOwner)
		soon.ExpiresAt = ticketNow.Add(time.Second)
		insertTicket(t, s, soon)
		for n := range byte(9) {
			insertTicket(t, s, ticketRow(n+1, ticketOwner))
		}
		late := ticketRow(100, ticketOwner)
		if err := s.Insert(t.Context(), late, 10, ticketNow); !errors.Is(err, ticket.ErrTooMany) {
			t.Errorf("the eleventh: %v, want ErrTooMany", err)
		}
		wantNoTicket(t, s, late.Digest, ticketNow)
		insertTicket(t, s, ticketRow(101, ticket.Person{TenantID: "t1", UserID: "bob"}))
		if err := s.Insert(t.Context(), late, 10, soon.ExpiresAt); err != nil {
			t.Errorf("after one has expired: %v", err)
		}
	})
	t.Run("the sweep leaves what is good or held", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		over, held := insertTicket(t, s, ticketRow(1, ticketOwner)), insertTicket(t, s, ticketRow(2, ticketOwner))
		good := ticketRow(3, ticketOwner)
		good.ExpiresAt = over.ExpiresAt.Add(time.Millisecond)
		insertTicket(t, s, good)
		claim(t, s, held, "a", over.ExpiresAt.Add(-time.Second), nil)
		for i, want := range []int{1, 0} {
			if n, err := s.DeleteExpired(t.Context(), over.ExpiresAt); n != want || err != nil {
				t.Errorf("sweep %d deleted %d, %v, want %d", i, n, err, want)
			}
		}
		wantTicket(t, s, good, over.ExpiresAt)
		if err := s.Consume(t.Context(), held.Digest, "a"); err != nil {
			t.Errorf("the held one: %v", err)
		}
	})
}

func ticketPersons(t *testing.T, open func(t *testing.T) ticket.Store) {
	t.Helper()
	t.Run("a person is forgotten", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		first, held := insertTicket(t, s, ticketRow(1, ticketOwner)), insertTicket(t, s, ticketRow(2, ticketOwner))
		others := []ticket.Row{
			insertTicket(t, s, ticketRow(3, ticket.Person{TenantID: "t1", UserID: "bob"})),
			insertTicket(t, s, ticketRow(4, ticket.Person{TenantID: "t2", UserID: "alice"})),
		}
		claim(t, s, held, "a", ticketNow, nil)
		for range 2 { // deleting what is gone is no error
			if err := s.DeletePerson(t.Context(), ticketOwner); err != nil {
				t.Fatal(err)
			}
		}
		wantNoTicket(t, s, first.Digest, ticketNow)
		wantNoTicket(t, s, held.Digest, ticketNow)
		if err := s.Consume(t.Context(), held.Digest, "a"); !errors.Is(err, ticket.ErrNotFound) {
			t.Errorf("Consume = %v, want ErrNotFound", err)
		}
		for _, row := range others {
			wantTicket(t, s, row, ticketNow)
		}
	})
}

func ticketClaims(t *testing.T, open func(t *testing.T) ticket.Store) {
	t.Helper()
	t.Run("one holder at a time", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		row := insertTicket(t, s, ticketRow(1, ticketOwner))
		claim(t, s, ticketRow(9, ticketOwner), "a", ticketNow, ticket.ErrNotFound)
		claim(t, s, row, "a", ticketNow, nil)
		claim(t, s, row, "b", ticketNow.Add(59*time.Second), ticket.ErrBusy)
		wantTicket(t, s, row, ticketNow)
		claim(t, s, row, "a", ticketNow.Add(50*time.Second), nil) // renewed
		claim(t, s, row, "b", ticketNow.Add(time.Minute), ticket.ErrBusy)
		claim(t, s, row, "b", ticketNow.Add(110*time.Second), nil) // lapsed
		claim(t, s, row, "a", ticketNow.Add(111*time.Second), ticket.ErrBusy)
		if err := s.Consume(t.Context(), row.Digest, "a"); !errors.Is(err, ticket.ErrNotFound) {
			t.Errorf("Consume by who has lost it: %v, want ErrNotFound", err)
		}
		wantTicket(t, s, row, ticketNow)
	})
	t.Run("released", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		row := insertTicket(t, s, ticketRow(1, ticketOwner))
		claim(t, s, row, "a", ticketNow, nil)
		for _, holder := range []string{"b", "a", "a"} {
			if err := s.Release(t.Context(), row.Digest, holder); err != nil {
				t.Fatal(err)
			}
			if holder == "b" {
				claim(t, s, row, "b", ticketNow, ticket.ErrBusy)
			}
		}
		claim(t, s, row, "b", ticketNow, nil)
		if err := s.Release(t.Context(), row.Digest, "a"); err != nil { // late, and not its own any more
			t.Fatal(err)
		}
		claim(t, s, row, "c", ticketNow, ticket.ErrBusy)
	})
	t.Run("consumed", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		row := insertTicket(t, s, ticketRow(1, ticketOwner))
		for _, holder := range []string{"", "a"} {
			if err := s.Consume(t.Context(), row.Digest, holder+"x"); !errors.Is(err, ticket.ErrNotFound) {
				t.Errorf("Consume by nobody: %v, want ErrNotFound", err)
			}
		}
		claim(t, s, row, "a", ticketNow, nil)
		if err := s.Consume(t.Context(), row.Digest, "a"); err != nil {
			t.Fatal(err)
		}
		wantNoTicket(t, s, row.Digest, ticketNow)
		claim(t, s, row, "a", ticketNow, ticket.ErrNotFound)
		if err := s.Consume(t.Context(), row.Digest, "a"); !errors.Is(err, ticket.ErrNotFound) {
			t.Errorf("Consume twice: %v, want ErrNotFound", err)
		}
	})
	t.Run("expired", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		row, running := insertTicket(t, s, ticketRow(1, ticketOwner)), insertTicket(t, s, ticketRow(2, ticketOwner))
		claim(t, s, row, "a", row.ExpiresAt, ticket.ErrNotFound)
		claim(t, s, running, "a", row.ExpiresAt.Add(-time.Millisecond), nil)
		claim(t, s, running, "a", row.ExpiresAt.Add(30*time.Second), nil) // what runs goes on
		claim(t, s, running, "b", row.ExpiresAt.Add(30*time.Second), ticket.ErrBusy)
		claim(t, s, running, "b", row.ExpiresAt.Add(2*time.Minute), ticket.ErrNotFound)
		if err := s.Consume(t.Context(), running.Digest, "a"); err != nil {
			t.Errorf("Consume after its expiry: %v", err)
		}
	})
}

func ticketRaces(t *testing.T, open func(t *testing.T) ticket.Store) {
	t.Helper()
	t.Run("of many at once one claims", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		row := insertTicket(t, s, ticketRow(1, ticketOwner))
		errs := make([]error, 30)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				errs[i] = s.Claim(t.Context(), row.Digest, fmt.Sprint("holder ", i), ticketNow, ticketNow.Add(time.Minute))
			})
		}
		wg.Wait()
		claimed := 0
		for _, err := range errs {
			if err == nil {
				claimed++
			} else if !errors.Is(err, ticket.ErrBusy) {
				t.Error(err)
			}
		}
		if claimed != 1 {
			t.Errorf("%d holders", claimed)
		}
	})
	t.Run("of many at once only so many are issued", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		const most = 5
		errs := concurrently(20, func(i int) error {
			return s.Insert(t.Context(), ticketRow(byte(i), ticketOwner), most, ticketNow)
		})
		only(t, errs, ticket.ErrTooMany)
		if issued := len(slices.DeleteFunc(errs, func(err error) bool { return err != nil })); issued != most {
			t.Errorf("%d were issued, want %d", issued, most)
		}
	})
	t.Run("a claim beside a release finds the ticket", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		for round := range 2 * raceRounds {
			row := insertTicket(t, s, ticketRow(byte(round), ticket.Person{TenantID: "t1", UserID: fmt.Sprint(round)}))
			claim(t, s, row, "a", ticketNow, nil)
			only(t, concurrently(5, func(i int) error {
				if i == 0 {
					return s.Release(t.Context(), row.Digest, "a")
				}
				return s.Claim(t.Context(), row.Digest, fmt.Sprint("b", i), ticketNow, ticketNow.Add(time.Minute))
			}), ticket.ErrBusy)
		}
	})
	t.Run("a ticket is consumed once", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		row := insertTicket(t, s, ticketRow(1, ticketOwner))
		claim(t, s, row, "a", ticketNow, nil)
		onlyOneSucceeds(t, concurrently(callers, func(int) error { return s.Consume(t.Context(), row.Digest, "a") }), ticket.ErrNotFound)
	})
}

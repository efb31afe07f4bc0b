package storetest

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"m365mcp/authserver"
	"m365mcp/entra"
)

// Vault checks the contract of [entra.VaultStore]; open returns an empty store, and
// the store of the grants that its rows belong to.
func Vault(t *testing.T, open func(t *testing.T) (entra.VaultStore, authserver.Store)) {
	t.Helper()
	withGrants := func(t *testing.T) entra.VaultStore {
		t.Helper()
		s, grants := open(t)
		oauthInsert(t, grants, "g", "a", "ann")
		oauthInsert(t, grants, "other", "a", "ann")
		return s
	}
	vaultRows(t, withGrants)
	vaultLeases(t, withGrants)
	vaultRaces(t, withGrants)
	vaultGrants(t, open)
}

var vaultNow = time.Date(2026, 3, 29, 1, 30, 0, 123e6, time.UTC)

func vaultRow(version string) entra.VaultRow {
	return entra.VaultRow{
		Version: version,
		Access:  []byte{0, 1, 0xff, '\''},
		Refresh: []byte("sealed refresh " + version),
		Scopes:  []string{"Mail.Read", "User.Read"},
		Expires: vaultNow.Add(time.Hour),
		RenewAt: vaultNow.Add(55 * time.Minute),
	}
}

func wantVaultRow(t *testing.T, s entra.VaultStore, grantID string, want entra.VaultRow) {
	t.Helper()
	got, err := s.Row(t.Context(), grantID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("row of %s (-want +got):\n%s", grantID, diff)
	}
}

func putVaultRow(t *testing.T, s entra.VaultStore, grantID string, row entra.VaultRow) {
	t.Helper()
	if err := s.Put(t.Context(), grantID, row); err != nil {
		t.Fatal(err)
	}
}

func wantVaultLease(t *testing.T, s entra.VaultStore, version, holder string, now time.Time, until time.Duration, want bool) {
	t.Helper()
	got, err := s.Lease(t.Context(), "g", version, holder, now, vaultNow.Add(until))
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("Lease(version %s, holder %s, at %s) = %v, want %v", version, holder, now.Sub(vaultNow), got, want)
	}
}

func wantVaultSwap(t *testing.T, s entra.VaultStore, version string, row entra.VaultRow, want bool) {
	t.Helper()
	got, err := s.Swap(t.Context(), "g", version, row)
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("Swap from version %s = %v, want %v", version, got, want)
	}
}

const vaultRacers = 16

// vaultRace runs try at once in many goroutines and returns how many it was true for.
func vaultRace(t *testing.T, try func(i int) (bool, error)) int {
	t.Helper()
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range vaultRacers {
		wg.Go(func() {
			ok, err := try(i)
			if err != nil {
				t.Error(err)
			}
			if ok {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	return int(won.Load())
}

func vaultRows(t *testing.T, open func(t *testing.T) entra.VaultStore) {
	t.Helper()
	t.Run("put, read, delete", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		if _, err := s.Row(t.Context(), "g"); !errors.Is(err, entra.ErrNoTokens) {
			t.Errorf("Row of nothing: %v, want ErrNoTokens", err)
		}
		putVaultRow(t, s, "g", vaultRow("1"))
		putVaultRow(t, s, "other", vaultRow("o"))
		wantVaultRow(t, s, "g", vaultRow("1"))

		bare := entra.VaultRow{Version: "2", Expires: vaultNow, RenewAt: vaultNow, SignIn: "invalid_grant", Claims: `{"a":"ü"}`}
		putVaultRow(t, s, "g", bare)
		wantVaultRow(t, s, "g", bare)

		for range 2 { // deleting what is gone is no error
			if err := s.Delete(t.Context(), "g"); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Row(t.Context(), "g"); !errors.Is(err, entra.ErrNoTokens) {
			t.Errorf("Row after Delete: %v, want ErrNoTokens", err)
		}
		wantVaultRow(t, s, "other", vaultRow("o"))
	})
	t.Run("swap needs the version", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		wantVaultSwap(t, s, "1", vaultRow("2"), false)
		if _, err := s.Row(t.Context(), "g"); !errors.Is(err, entra.ErrNoTokens) {
			t.Errorf("Swap made a row: %v", err)
		}
		putVaultRow(t, s, "g", vaultRow("1"))
		putVaultRow(t, s, "other", vaultRow("1"))
		wantVaultSwap(t, s, "0", vaultRow("2"), false)
		wantVaultRow(t, s, "g", vaultRow("1"))
		wantVaultSwap(t, s, "1", vaultRow("2"), true)
		wantVaultRow(t, s, "g", vaultRow("2"))
		wantVaultRow(t, s, "other", vaultRow("1"))
		wantVaultSwap(t, s, "1", vaultRow("3"), false)
	})
	t.Run("swap may keep the version", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		putVaultRow(t, s, "g", vaultRow("1"))
		marked := vaultRow("1")
		marked.SignIn, marked.Claims = "interaction_required", `{"access_token":{}}`
		wantVaultSwap(t, s, "1", marked, true)
		wantVaultRow(t, s, "g", marked)
		wantVaultSwap(t, s, "1", vaultRow("2"), true)
		wantVaultRow(t, s, "g", vaultRow("2"))
	})
	t.Run("a cancelled call changes nothing", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		putVaultRow(t, s, "g", vaultRow("1"))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		swapped, err := s.Swap(ctx, "g", "1", vaultRow("2"))
		if err == nil || swapped {
			t.Errorf("Swap with a cancelled context = %v, %v", swapped, err)
		}
		if err := s.Delete(ctx, "g"); err == nil {
			t.Error("Delete with a cancelled context reported success")
		}
		wantVaultRow(t, s, "g", vaultRow("1"))
	})
}

func vaultLeases(t *testing.T, open func(t *testing.T) entra.VaultStore) {
	t.Helper()
	t.Run("lease excludes others", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		wantVaultLease(t, s, "1", "a", vaultNow, time.Minute, false) // no row
		putVaultRow(t, s, "g", vaultRow("1"))
		wantVaultLease(t, s, "0", "a", vaultNow, time.Minute, false)
		wantVaultLease(t, s, "1", "a", vaultNow, time.Minute, true)
		wantVaultLease(t, s, "1", "b", vaultNow.Add(time.Minute-time.Millisecond), 2*time.Minute, false)
		wantVaultRow(t, s, "g", vaultRow("1")) // a lease is not part of the row
	})
	t.Run("lease ends", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		putVaultRow(t, s, "g", vaultRow("1"))
		wantVaultLease(t, s, "1", "a", vaultNow, time.Minute, true)
		wantVaultLease(t, s, "1", "b", vaultNow.Add(time.Minute), 2*time.Minute, true) // its time is over
		wantVaultLease(t, s, "1", "a", vaultNow.Add(time.Minute), 3*time.Minute, false)
		wantVaultLease(t, s, "1", "b", vaultNow, time.Second, true) // the holder may shorten it
		wantVaultLease(t, s, "1", "a", vaultNow.Add(time.Second), time.Minute, true)

		wantVaultSwap(t, s, "1", vaultRow("2"), true)
		wantVaultLease(t, s, "2", "b", vaultNow.Add(time.Second), time.Minute, true) // a swap ends it
		putVaultRow(t, s, "g", vaultRow("3"))
		wantVaultLease(t, s, "3", "c", vaultNow.Add(time.Second), time.Minute, true) // so does a put
	})
}

func vaultRaces(t *testing.T, open func(t *testing.T) entra.VaultStore) {
	t.Helper()
	t.Run("one of many wins a lease", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		putVaultRow(t, s, "g", vaultRow("1"))
		won := vaultRace(t, func(i int) (bool, error) {
			return s.Lease(t.Context(), "g", "1", "holder "+strconv.Itoa(i), vaultNow, vaultNow.Add(time.Minute))
		})
		if won != 1 {
			t.Errorf("%d of %d got the lease, want 1", won, vaultRacers)
		}
	})
	t.Run("one of many swaps wins", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		putVaultRow(t, s, "g", vaultRow("start"))
		won := vaultRace(t, func(i int) (bool, error) {
			return s.Swap(t.Context(), "g", "start", vaultRow(strconv.Itoa(i)))
		})
		if won != 1 {
			t.Errorf("%d of %d swapped, want 1", won, vaultRacers)
		}
	})
}

// vaultGrants: no tokens without a grant, in whatever order things happen.
func vaultGrants(t *testing.T, open func(t *testing.T) (entra.VaultStore, authserver.Store)) {
	t.Helper()
	gone := func(t *testing.T, s entra.VaultStore, grantID string) {
		t.Helper()
		if _, err := s.Row(t.Context(), grantID); !errors.Is(err, entra.ErrNoTokens) {
			t.Errorf("Row of %s: %v, want ErrNoTokens", grantID, err)
		}
	}
	t.Run("no row without a grant", func(t *testing.T) {
		t.Parallel()
		s, grants := open(t)
		if err := s.Put(t.Context(), "g", vaultRow("1")); err == nil {
			t.Error("Put took tokens of no grant")
		}
		gone(t, s, "g")
		oauthInsert(t, grants, "g", "a", "ann")
		oauthInsert(t, grants, "other", "a", "ann")
		putVaultRow(t, s, "g", vaultRow("1"))
		putVaultRow(t, s, "other", vaultRow("o"))
		must(t, grants.DeleteGrants(t.Context(), []string{"g"}))
		gone(t, s, "g")
		if err := s.Put(t.Context(), "g", vaultRow("2")); err == nil {
			t.Error("Put took tokens of a grant that is deleted")
		}
		wantVaultSwap(t, s, "1", vaultRow("2"), false)
		gone(t, s, "g")
		wantVaultRow(t, s, "other", vaultRow("o"))
	})
	t.Run("put and deletion of the grant at once", func(t *testing.T) {
		t.Parallel()
		s, grants := open(t)
		for i := range vaultRacers {
			id := strconv.Itoa(i)
			oauthInsert(t, grants, id, "a", "ann")
			concurrently(2, func(n int) error { // the put may fail or not
				if n == 0 {
					return s.Put(t.Context(), id, vaultRow("1"))
				}
				return grants.DeleteGrants(t.Context(), []string{id})
			})
			gone(t, s, id)
		}
	})
}

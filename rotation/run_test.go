package rotation_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/entra"
	"m365mcp/internal/seal"
	"m365mcp/internal/secret"
	"m365mcp/rotation"
)

func TestEverythingIsMoved(t *testing.T) {
	t.Parallel()
	h := furnish(t, 20)
	before, after := ring(t, oldKey()), ring(t, newKey())
	both := ring(t, newKey(), oldKey())
	root := h.root(t, before)
	h.fill(t, before)
	upload, link := h.upload(t, before), h.link(t, before)
	h.wantUses(t, both, "new encrypts nothing; old opens 1 secret, 20 access tokens, 20 refresh tokens, 1 upload, 1 link")

	moved := map[rotation.Place]int{}
	report, err := rotation.New(h.Rotation(), both).Run(t.Context(), rotation.Pace{Batch: 7, Progress: func(p rotation.Place, n int) {
		if n > 7 {
			t.Errorf("a batch of %d", n)
		}
		moved[p] += n
	}})
	must(t, err)
	if diff := cmp.Diff(rotation.Report{Key: "new", Moved: 43}, report); diff != "" {
		t.Error(diff)
	}
	want := map[rotation.Place]int{rotation.Secret: 1, rotation.AccessToken: 20, rotation.RefreshToken: 20, rotation.Upload: 1, rotation.Link: 1}
	if diff := cmp.Diff(want, moved); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
	h.wantUses(t, both, "new encrypts 1 secret, 20 access tokens, 20 refresh tokens, 1 upload, 1 link; old opens nothing")
	h.wantAll(t, after, upload, link)
	sameKey(t, "after the rotation", h.root(t, after), root)
	if report := h.run(t, both); report.Moved != 0 {
		t.Errorf("a second run moved %d", report.Moved)
	}

	uses, err := rotation.New(h.Rotation(), both).Status(t.Context())
	must(t, err)
	if diff := cmp.Diff([]string{"old"}, rotation.Removable(uses)); diff != "" {
		t.Error(diff)
	}
	uses, err = rotation.New(h.Rotation(), ring(t, oldKey(), newKey())).Status(t.Context())
	must(t, err)
	if got := rotation.Removable(uses); got != nil {
		t.Errorf("%v can be removed, but new seals all and old encrypts", got)
	}
}

var errPowerCut = errors.New("power cut")

// Whatever was moved before a crash stays moved, all opens, and the next run does the rest.
func TestInterruptedRunIsTakenUp(t *testing.T) {
	t.Parallel()
	h := furnish(t, 20)
	before, both := ring(t, oldKey()), ring(t, newKey(), oldKey())
	root := h.root(t, before)
	h.fill(t, before)
	upload, link := h.upload(t, before), h.link(t, before)
	for survived := range 4 {
		batches := 0
		r := rotation.New(between{h.Rotation(), func(rotation.Place, []rotation.Change) error {
			if batches++; batches > survived {
				return errPowerCut
			}
			return nil
		}}, both)
		report, err := r.Run(t.Context(), rotation.Pace{Batch: 7})
		if !errors.Is(err, errPowerCut) || (report.Moved == 0) != (survived == 0) {
			t.Fatalf("after %d batches: %+v, %v", survived, report, err)
		}
		h.wantAll(t, both, upload, link)
		sameKey(t, "in the middle", h.root(t, both), root)
	}
	if report := h.run(t, both); report.Moved == 0 || report.Moved >= 43-7 {
		t.Errorf("the last run moved %d: it began anew, or there was nothing left", report.Moved)
	}
	h.wantAll(t, ring(t, newKey()), upload, link)
}

func TestStoppedRunEndsAtOnce(t *testing.T) {
	t.Parallel()
	h := furnish(t, 20)
	h.fill(t, ring(t, oldKey()))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	report, err := rotation.New(h.Rotation(), ring(t, newKey(), oldKey())).Run(ctx, rotation.Pace{
		Batch: 7, Pause: time.Hour, Progress: func(rotation.Place, int) { cancel() },
	})
	if !errors.Is(err, context.Canceled) || report.Moved != 7 {
		t.Errorf("Run = %+v, %v", report, err)
	}
}

// While fifty grants are refreshed and two replicas rotate, no token is lost: every
// grant ends with those of its own refresh, under the new key.
func TestRotationDuringRefreshes(t *testing.T) {
	t.Parallel()
	h := furnish(t, 50)
	before, both, after := ring(t, oldKey()), ring(t, newKey(), oldKey()), ring(t, newKey())
	h.root(t, before)
	h.fill(t, before)
	late := func() time.Time { return time.Now().Add(56 * time.Minute) } // the tokens are about to end
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i, id := range h.grants {
		keys := both
		if i%3 == 0 {
			keys = ring(t, oldKey(), newKey()) // a replica that has not been started again
		}
		v := h.vault(keys, byGrant{id}, late)
		wg.Go(func() {
			<-start
			if got, _, err := v.Token(t.Context(), id); err != nil || got.Reveal() != "access new of "+id {
				t.Errorf("Token of %s = %q, %v", id, got.Reveal(), err)
			}
			if i%5 == 0 { // Graph refuses it: that writes what was read before
				if err := v.Reject(t.Context(), id, secret.New("access new of "+id), ""); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 2 {
		wg.Go(func() {
			<-start
			for range 3 {
				if _, err := rotation.New(h.Rotation(), both).Run(t.Context(), rotation.Pace{Batch: 3}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	close(start)
	wg.Wait()
	h.run(t, both)
	h.wantUses(t, both, "new encrypts 1 secret, 40 access tokens, 50 refresh tokens; old opens nothing")
	for _, id := range h.grants {
		row, err := h.Vault().Row(t.Context(), id)
		must(t, err)
		if refresh, err := after.Open(row.Refresh, entra.RefreshContext(id)); err != nil || string(refresh) != "refresh new of "+id {
			t.Errorf("refresh token of %s: %q, %v", id, refresh, err)
		}
	}
}

// byGrant answers a refresh with tokens of its grant.
type byGrant struct{ id string }

func (b byGrant) Refresh(_ context.Context, old secret.String, scopes []string) (entra.Tokens, error) {
	if old.Reveal() != "refresh of "+b.id {
		return entra.Tokens{}, fmt.Errorf("refreshed with %q", old.Reveal())
	}
	t := tokens("new of "+b.id, scopes...)
	t.Expires = t.Expires.Add(time.Hour)
	return t, nil
}

// A value that changes between reading and storing is looked at again, and where it
// has come back under the old key it is moved after all.
func TestOvertakenValuesAreLookedAtAgain(t *testing.T) {
	t.Parallel()
	h := furnish(t, 3)
	before, both := ring(t, oldKey()), ring(t, newKey(), oldKey())
	h.fill(t, before)
	times := 0
	r := rotation.New(between{h.Rotation(), func(p rotation.Place, _ []rotation.Change) error {
		if times++; p == rotation.AccessToken && times <= 2 {
			return h.vault(before, nil, time.Now).Put(t.Context(), "grant-001", tokens("of grant-001"))
		}
		return nil
	}}, both)
	if _, err := r.Run(t.Context(), rotation.Pace{}); err != nil {
		t.Fatal(err)
	}
	h.wantUses(t, both, "new encrypts 3 access tokens, 3 refresh tokens; old opens nothing")
	h.wantTokens(t, ring(t, newKey()))
}

// What was tampered with is named, stays as it is, and does not stop the rest.
func TestDamagedValuesAreNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tamper string
		want   []string
		err    error
		uses   string
	}{
		"a byte": {
			`UPDATE vault SET access = CAST(substr(access, 1, length(access) - 1) || x'00' AS BLOB) WHERE grant_id = 'grant-007'`,
			[]string{"grant grant-007: access token"},
			seal.ErrTampered, "old opens 1 access token",
		},
		"the key's id": {
			`UPDATE vault SET refresh = CAST(x'01036f6464' || substr(refresh, 6) AS BLOB) WHERE grant_id = 'grant-007'`,
			[]string{"grant grant-007: refresh token"},
			seal.ErrUnknownKey, "old opens nothing; odd missing 1 refresh token",
		},
		"all of it": {
			`UPDATE vault SET refresh = x'00' WHERE grant_id = 'grant-007'`,
			[]string{"grant grant-007: refresh token"},
			seal.ErrTampered, "old opens nothing; unknown 1 refresh token",
		},
		"a row moved to another grant": {
			`UPDATE vault SET (access, refresh) = (SELECT access, refresh FROM vault WHERE grant_id = 'grant-001') WHERE grant_id = 'grant-007'`,
			[]string{"grant grant-007: access token", "grant grant-007: refresh token"},
			seal.ErrTampered, "old opens 1 access token, 1 refresh token",
		},
		"an upload of another": {
			`UPDATE blobs SET user_id = 'bob'`, []string{"upload up_"}, seal.ErrTampered, "old opens 1 upload",
		},
		"a link of another": {
			`UPDATE tickets SET user_id = 'bob'`, []string{"link ff00270000000000: link"}, seal.ErrTampered, "old opens 1 link",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := furnish(t, 20)
			before, both := ring(t, oldKey()), ring(t, newKey(), oldKey())
			h.fill(t, before)
			h.upload(t, before)
			h.link(t, before)
			h.tamper(t, c.tamper)
			report := h.run(t, both)
			if report.Moved != 42-len(c.want) || len(report.Failed) != len(c.want) {
				t.Fatalf("%d moved, failed: %v", report.Moved, report.Failed)
			}
			for i, f := range report.Failed {
				if !errors.Is(f.Err, c.err) || !strings.HasPrefix(f.String(), c.want[i]) {
					t.Errorf("failure %q, want %q of %v", f, c.want[i], c.err)
				}
			}
			if got := h.uses(t, both); !strings.HasSuffix(got, "; "+c.uses) {
				t.Errorf("status is %q, want its end %q", got, c.uses)
			}
		})
	}
}

// A vault row that was moved to another grant opens for neither the old nor the new key.
func TestMovedRowDoesNotOpen(t *testing.T) {
	t.Parallel()
	h := furnish(t, 2)
	before, both := ring(t, oldKey()), ring(t, newKey(), oldKey())
	h.fill(t, before)
	copyRow := `UPDATE vault SET (access, refresh) = (SELECT access, refresh FROM vault WHERE grant_id = 'grant-000') WHERE grant_id = 'grant-001'`
	h.tamper(t, copyRow)
	h.run(t, both)
	for range 2 {
		if _, _, err := h.vault(both, nil, time.Now).Token(t.Context(), "grant-001"); !errors.Is(err, seal.ErrTampered) {
			t.Errorf("Token from another grant's row: %v", err)
		}
		h.tamper(t, copyRow) // again, of the row that has been moved onto the new key
	}
}

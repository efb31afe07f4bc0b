package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/authserver"
	"m365mcp/blob"
	"m365mcp/entra"
	"m365mcp/rotation"
	"m365mcp/ticket"
)

// Sealing is a store with the owners of what it reaches.
type Sealing struct {
	rotation.Store

	Vault   entra.VaultStore
	Grants  authserver.Store
	Blobs   blob.Store
	Tickets ticket.Store
}

// Rotation checks the contract of [rotation.Store]; open returns an empty database.
func Rotation(t *testing.T, open func(t *testing.T) Sealing) {
	t.Helper()
	for name, run := range map[string]func(*testing.T, Sealing){
		"every place":                      sealedPlaces,
		"a row keeps the rest of it":       sealedRest,
		"empty values are none":            sealedEmpty,
		"forgotten tokens need a sign-in":  sealedForgotten,
		"secrets":                          sealedSecrets,
		"one of many stores a secret":      sealedSecretRace,
		"one of many replaces":             sealedRace,
		"replaced against a token refresh": sealedRefreshRace,
		"replaced beside sweeps":           sealedSweepRace,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, open(t))
		})
	}
}

// sealedBy looks like what a key has sealed: its head, and the rest.
func sealedBy(key, rest string) []byte { return []byte(key + "\x00\xff'" + rest) }

var sealedIDs = []string{"a", "b", "c", "d", "e"}

// fillPlace stores a value for each id at the place, and returns them in their order.
func fillPlace(t *testing.T, s Sealing, p rotation.Place, key string) []rotation.Value {
	t.Helper()
	values := make([]rotation.Value, 0, len(sealedIDs))
	for i, id := range sealedIDs {
		v := rotation.Value{ID: id, Sealed: sealedBy(key, id)}
		switch p {
		case rotation.Secret:
			must(t, s.InsertSecret(t.Context(), id, v.Sealed))
		case rotation.AccessToken, rotation.RefreshToken:
			row := vaultRow("1")
			row.Access, row.Refresh = sealedBy("other", id), v.Sealed
			if p == rotation.AccessToken {
				row.Access, row.Refresh = v.Sealed, sealedBy("other", id)
			}
			oauthInsert(t, s.Grants, id, "client of "+id, "ann")
			putVaultRow(t, s.Vault, id, row)
		case rotation.Upload:
			v.TenantID, v.UserID = "tenant "+id, "user "+id
			insertBlob(t, s.Blobs, blob.Row{ID: id, Owner: blob.Person{TenantID: v.TenantID, UserID: v.UserID}, Size: 1, Head: v.Sealed, ExpiresAt: blobNow.Add(time.Hour)})
		case rotation.Link:
			row := ticketRow(byte(i+1), ticket.Person{TenantID: "tenant " + id, UserID: "user " + id}) // digests are no UTF-8
			row.Item = v.Sealed
			insertTicket(t, s.Tickets, row)
			v.ID, v.GrantID, v.TenantID, v.UserID, v.Kind = string(row.Digest[:]), row.GrantID, row.Owner.TenantID, row.Owner.UserID, string(row.Kind)
		}
		values = append(values, v)
	}
	return values
}

// wantSealed compares what List gives in pages of two with the values that are
// wanted, of those that do not begin with key.
func wantSealed(t *testing.T, s Sealing, p rotation.Place, key string, want []rotation.Value) {
	t.Helper()
	var got []rotation.Value
	for after := ""; ; after = got[len(got)-1].ID {
		page, err := s.List(t.Context(), p, []byte(key), after, 2)
		must(t, err)
		if len(page) > 2 {
			t.Fatalf("%s: a page of %d", p, len(page))
		}
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%ss that do not begin with %s (-want +got):\n%s", p, key, diff)
	}
}

func wantHeads(t *testing.T, s Sealing, p rotation.Place, size int, want ...string) {
	t.Helper()
	var got []string
	must(t, s.Heads(t.Context(), p, size, func(head []byte) { got = append(got, string(head)) }))
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%ss begin (-want +got):\n%s", p, diff)
	}
}

func replaced(t *testing.T, s Sealing, p rotation.Place, want int, changes ...rotation.Change) {
	t.Helper()
	got, err := s.Replace(t.Context(), p, changes)
	must(t, err)
	if got != want {
		t.Errorf("%d %ss were replaced, want %d", got, p, want)
	}
}

func sealedPlaces(t *testing.T, s Sealing) {
	for _, p := range rotation.Places() {
		if p == rotation.RefreshToken {
			continue // below, in rows of their own
		}
		sealedPlace(t, s, p)
	}
	must(t, s.Grants.DeleteGrants(t.Context(), sealedIDs))
	sealedPlace(t, s, rotation.RefreshToken)
}

func sealedPlace(t *testing.T, s Sealing, p rotation.Place) {
	t.Helper()
	wantHeads(t, s, p, 3)
	wantSealed(t, s, p, "old", nil)
	replaced(t, s, p, 0)

	values := fillPlace(t, s, p, "old")
	wantHeads(t, s, p, 4, "old\x00", "old\x00", "old\x00", "old\x00", "old\x00")
	wantHeads(t, s, p, 100, "old\x00\xff'a", "old\x00\xff'b", "old\x00\xff'c", "old\x00\xff'd", "old\x00\xff'e")
	wantSealed(t, s, p, "old", nil)
	wantSealed(t, s, p, "new", values)
	wantSealed(t, s, p, "OLD", values) // bytes, not text
	wantSealed(t, s, p, string(values[3].Sealed), slices.Delete(slices.Clone(values), 3, 4))

	change := func(i int, old []byte, to string) rotation.Change {
		return rotation.Change{ID: values[i].ID, Old: old, New: sealedBy(to, sealedIDs[i])}
	}
	replaced(t, s, p, 0, change(0, sealedBy("old", "b"), "new"))
	replaced(t, s, p, 0, rotation.Change{ID: "nobody", Old: values[0].Sealed, New: sealedBy("new", "x")})
	wantSealed(t, s, p, "new", values)
	replaced(t, s, p, 2, change(1, values[1].Sealed, "new"), change(2, []byte("another"), "new"), change(4, values[4].Sealed, "new"))
	wantSealed(t, s, p, "new", []rotation.Value{values[0], values[2], values[3]})
	replaced(t, s, p, 0, change(1, values[1].Sealed, "newer")) // it is not that any longer
	wantHeads(t, s, p, 3, "new", "new", "old", "old", "old")

	must(t, s.Forget(t.Context(), p, []byte("ol\x00")))
	must(t, s.Forget(t.Context(), p, []byte("OLD")))
	wantHeads(t, s, p, 3, "new", "new", "old", "old", "old")
	must(t, s.Forget(t.Context(), p, []byte("old")))
	wantHeads(t, s, p, 3, "new", "new")
}

// Only the value changes: version, lease and claim are others' business.
func sealedRest(t *testing.T, s Sealing) {
	oauthInsert(t, s.Grants, "g", "a", "ann")
	row := vaultRow("1")
	row.SignIn, row.Claims = "interaction_required", `{"access_token":{}}`
	putVaultRow(t, s.Vault, "g", row)
	wantVaultLease(t, s.Vault, "1", "holder", vaultNow, time.Minute, true)
	replaced(t, s, rotation.AccessToken, 1, rotation.Change{ID: "g", Old: row.Access, New: []byte("moved access")})
	replaced(t, s, rotation.RefreshToken, 1, rotation.Change{ID: "g", Old: row.Refresh, New: []byte("moved refresh")})
	row.Access, row.Refresh = []byte("moved access"), []byte("moved refresh")
	wantVaultRow(t, s.Vault, "g", row)
	wantVaultLease(t, s.Vault, "1", "another", vaultNow, time.Minute, false)
	wantVaultSwap(t, s.Vault, "1", vaultRow("2"), true)

	link := insertTicket(t, s.Tickets, ticketRow(1, ticketOwner))
	claim(t, s.Tickets, link, "holder", ticketNow, nil)
	replaced(t, s, rotation.Link, 1, rotation.Change{ID: string(link.Digest[:]), Old: link.Item, New: []byte("moved")})
	claim(t, s.Tickets, link, "another", ticketNow, ticket.ErrBusy)
	link.Item = []byte("moved")
	wantTicket(t, s.Tickets, link, ticketNow)

	file := blobRow("up_1", blobOwner, 10)
	insertBlob(t, s.Blobs, file)
	replaced(t, s, rotation.Upload, 1, rotation.Change{ID: file.ID, Old: file.Head, New: []byte("moved")})
	file.Head = []byte("moved")
	wantBlob(t, s.Blobs, file, blobNow)
}

func sealedEmpty(t *testing.T, s Sealing) {
	oauthInsert(t, s.Grants, "g", "a", "ann")
	row := vaultRow("1")
	row.Access = nil // as after Graph has refused it
	putVaultRow(t, s.Vault, "g", row)
	wantHeads(t, s, rotation.AccessToken, 3)
	wantSealed(t, s, rotation.AccessToken, "new", nil)
	wantHeads(t, s, rotation.RefreshToken, 6, "sealed")
}

func sealedForgotten(t *testing.T, s Sealing) {
	for i, p := range []rotation.Place{rotation.AccessToken, rotation.RefreshToken} {
		lost, kept := fmt.Sprint("lost ", i), fmt.Sprint("kept ", i)
		for _, id := range []string{lost, kept} {
			oauthInsert(t, s.Grants, id, "client "+id, "ann")
			putVaultRow(t, s.Vault, id, vaultRow("1"))
		}
		old := vaultRow("1").Access
		if p == rotation.RefreshToken {
			old = vaultRow("1").Refresh
		}
		replaced(t, s, p, 1, rotation.Change{ID: lost, Old: old, New: sealedBy("lost", lost)})
		must(t, s.Forget(t.Context(), p, []byte("lost")))
		row, err := s.Vault.Row(t.Context(), lost)
		must(t, err)
		if row.SignIn == "" || len(row.Access)+len(row.Refresh) > 0 || row.Version != "1" {
			t.Errorf("the row of a forgotten %s: %+v", p, row)
		}
		wantVaultRow(t, s.Vault, kept, vaultRow("1"))
	}
}

func sealedSecrets(t *testing.T, s Sealing) {
	_, err := s.Secret(t.Context(), "root")
	wantErr(t, err, rotation.ErrNoSecret)
	first := sealedBy("old", "first")
	must(t, s.InsertSecret(t.Context(), "root", first))
	must(t, s.InsertSecret(t.Context(), "root", sealedBy("old", "second")))
	must(t, s.InsertSecret(t.Context(), "Root", sealedBy("old", "another")))
	got, err := s.Secret(t.Context(), "root")
	must(t, err)
	if !bytes.Equal(got, first) {
		t.Errorf("Secret = %q, want the one that was stored first", got)
	}
	must(t, s.Forget(t.Context(), rotation.Secret, first))
	_, err = s.Secret(t.Context(), "root")
	wantErr(t, err, rotation.ErrNoSecret)
}

func sealedSecretRace(t *testing.T, s Sealing) {
	seen := make([]string, vaultRacers)
	for _, err := range concurrently(vaultRacers, func(i int) error {
		if err := s.InsertSecret(t.Context(), "root", sealedBy("key", strings.Repeat("x", i))); err != nil {
			return err
		}
		got, err := s.Secret(t.Context(), "root")
		seen[i] = string(got)
		return err
	}) {
		must(t, err)
	}
	if n := len(slices.Compact(seen)); n != 1 {
		t.Errorf("%d different secrets were read after storing one", n)
	}
}

func sealedRace(t *testing.T, s Sealing) {
	values := fillPlace(t, s, rotation.AccessToken, "old")
	won := vaultRace(t, func(i int) (bool, error) {
		n, err := s.Replace(t.Context(), rotation.AccessToken, []rotation.Change{{ID: "a", Old: values[0].Sealed, New: sealedBy("new", fmt.Sprint(i))}})
		return n == 1, err
	})
	if won != 1 {
		t.Errorf("%d of %d replaced one value", won, vaultRacers)
	}
}

// Whatever comes first, the refresh counts: its tokens are there in the end.
func sealedRefreshRace(t *testing.T, s Sealing) {
	values := fillPlace(t, s, rotation.RefreshToken, "old")
	fresh := vaultRow("2")
	for _, v := range values {
		for _, err := range concurrently(2, func(i int) error {
			if i == 0 {
				_, err := s.Replace(t.Context(), rotation.RefreshToken, []rotation.Change{{ID: v.ID, Old: v.Sealed, New: sealedBy("new", v.ID)}})
				return err
			}
			if ok, err := s.Vault.Swap(t.Context(), v.ID, "1", fresh); err != nil || !ok {
				return fmt.Errorf("the refresh was not stored: %w", err)
			}
			return nil
		}) {
			must(t, err)
		}
		wantVaultRow(t, s.Vault, v.ID, fresh)
	}
}

// Sweeps delete in an order of their own what the keys' rotation goes through.
func sealedSweepRace(t *testing.T, s Sealing) {
	const rows = 20
	room := blob.Limits{Each: 1, Person: 1000, Total: 1000, Files: 1000}
	for round := range raceRounds / 2 {
		changes := map[rotation.Place][]rotation.Change{}
		var ids []string
		for i := range rows {
			id := fmt.Sprintf("%02d-%02d", round, i)
			ids = append([]string{id}, ids...)
			oauthInsert(t, s.Grants, id, "a", "ann")
			putVaultRow(t, s.Vault, id, vaultRow("1"))
			file, link := blobRow(id, blobOwner, 1), ticketRow(byte(i), ticketOwner)
			must(t, s.Blobs.Insert(t.Context(), file, room, blobNow))
			must(t, s.Tickets.Insert(t.Context(), link, rows, ticketNow))
			for p, c := range map[rotation.Place]rotation.Change{
				rotation.RefreshToken: {ID: id, Old: vaultRow("1").Refresh},
				rotation.Upload:       {ID: id, Old: file.Head},
				rotation.Link:         {ID: string(link.Digest[:]), Old: link.Item},
			} {
				c.New = sealedBy("new", id)
				changes[p] = append(changes[p], c)
			}
		}
		// Links are swept in the order of the table, so one of the two goes backwards.
		slices.Reverse(changes[rotation.Link])
		only(t, concurrently(8, func(i int) (err error) {
			switch i {
			case 0, 1, 2:
				p := []rotation.Place{rotation.RefreshToken, rotation.Upload, rotation.Link}[i]
				_, err = s.Replace(t.Context(), p, changes[p])
			case 3:
				err = s.Grants.DeleteGrants(t.Context(), ids)
			case 4:
				err = s.Blobs.Delete(t.Context(), ids)
			case 5:
				_, err = s.Blobs.DeletePerson(t.Context(), blobOwner)
			case 6:
				err = s.Tickets.DeletePerson(t.Context(), ticketOwner)
			default:
				_, err = s.Tickets.DeleteExpired(t.Context(), ticketNow.Add(time.Hour))
			}
			return err
		}))
	}
}

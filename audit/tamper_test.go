package audit_test

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"m365mcp/audit"
	"m365mcp/store/sqlite"
)

// specimen writes a log of 20 calls, half of them bob's, and closes it: 40
// entries, all signed, in one file without a write-ahead log.
func specimen(t *testing.T) string {
	t.Helper()
	path := tempPath(t)
	db, err := sqlite.Open(t.Context(), path)
	must(t, err)
	l, err := tryLog(t, db.Audit())
	must(t, err)
	for i := range 20 {
		in := write(newID())
		if i%2 == 1 {
			in.Principal = bob
		}
		call(t, l, in)
	}
	must(t, l.Close(t.Context()))
	must(t, db.Close())
	return path
}

func copyOf(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	must(t, err)
	to := tempPath(t)
	must(t, os.Mkdir(filepath.Dir(to), 0o700))
	must(t, os.WriteFile(to, data, 0o600))
	return to
}

// attack runs statements on the file behind the back of the program.
func attack(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	must(t, err)
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	must(t, db.Close())
}

// A damaged entry is named where it stands, and hides no other.
func TestTailOfADamagedLog(t *testing.T) {
	t.Parallel()
	path := specimen(t)
	attack(t, path, "UPDATE audit_entry SET record = x'7b' WHERE idx = 6", "UPDATE audit_entry SET record = x'' WHERE idx = 39")
	db := openDB(t, path)
	lines := tail(t, db.Audit())
	if len(lines) != 40 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, l := range lines {
		if damaged := i == 6 || i == 39; l.Index != int64(i) || (l.Damaged != "") != damaged || (l.ID == "") != damaged {
			t.Errorf("line %d: %+v", i, l)
		}
	}
}

func verifyFile(t *testing.T, path string, trusted *audit.Checkpoint) audit.Report {
	t.Helper()
	db, err := sqlite.OpenReadOnly(t.Context(), path)
	must(t, err)
	r := verify(t, db.Audit(), trusted)
	must(t, db.Close())
	return r
}

func whats(r audit.Report) []string {
	var out []string
	for _, p := range r.Problems {
		out = append(out, p.What)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestTampering(t *testing.T) {
	t.Parallel()
	base := specimen(t)
	if r := verifyFile(t, base, nil); !r.OK || r.Entries != 40 || r.Size != 40 || r.Checkpoint == "" || r.Root == "" {
		t.Fatalf("the genuine log: %+v", r)
	}
	const setEntry = "UPDATE audit_entry SET record = "
	tests := []struct {
		name   string
		attack []string
		want   []string // what the problems are about
		index  int64    // of the first problem; -1 when it is about the log
	}{
		{"entry replaced", []string{setEntry + "(SELECT record FROM audit_entry WHERE idx = 2) WHERE idx = 4"}, []string{audit.ProblemEntry}, 4},
		{"entry edited", []string{setEntry + "CAST(replace(CAST(record AS TEXT), 'allow', 'deny!') AS BLOB) WHERE idx = 6"}, []string{audit.ProblemEntry}, 6},
		{"entry emptied", []string{setEntry + "x'' WHERE idx = 0"}, []string{audit.ProblemEntry}, 0},
		{"entry removed", []string{"DELETE FROM audit_entry WHERE idx = 11"}, []string{audit.ProblemEntry}, 11},
		{"first entry removed", []string{"DELETE FROM audit_entry WHERE idx = 0"}, []string{audit.ProblemEntry}, 0},
		{"entries removed and closed up", []string{
			"DELETE FROM audit_entry WHERE idx IN (10, 11)", "UPDATE audit_entry SET idx = -idx WHERE idx > 11", "UPDATE audit_entry SET idx = -idx - 2 WHERE idx < 0",
			"DELETE FROM audit_personal WHERE entry IN (10, 11)", "UPDATE audit_personal SET entry = -entry WHERE entry > 11", "UPDATE audit_personal SET entry = -entry - 2 WHERE entry < 0",
		}, []string{audit.ProblemCheckpoint, audit.ProblemEntry, audit.ProblemHash}, 10},
		{"entries swapped", []string{
			"UPDATE audit_entry SET idx = -1 WHERE idx = 1", "UPDATE audit_entry SET idx = 1 WHERE idx = 3", "UPDATE audit_entry SET idx = 3 WHERE idx = -1",
		}, []string{audit.ProblemEntry}, 1},
		{"entry before the first", []string{
			"INSERT INTO audit_entry (idx, record) SELECT -5, record FROM audit_entry WHERE idx = 3",
		}, []string{audit.ProblemEntry}, -5},
		{"entry inserted", []string{
			"UPDATE audit_entry SET idx = -idx WHERE idx >= 8", "UPDATE audit_entry SET idx = -idx + 1 WHERE idx < 0",
			"INSERT INTO audit_entry SELECT 8, record FROM audit_entry WHERE idx = 0",
		}, []string{audit.ProblemEntry, audit.ProblemHash}, 8},
		{"entry added at the end", []string{"INSERT INTO audit_entry SELECT 40, record FROM audit_entry WHERE idx = 0"}, []string{audit.ProblemHash, audit.ProblemPersonal}, 78},
		{"entry added far away", []string{"INSERT INTO audit_entry SELECT 9000000000000000000, record FROM audit_entry WHERE idx = 0"}, []string{audit.ProblemCheckpoint, audit.ProblemEntry}, 9e18},
		{"entry added beyond a gap", []string{"INSERT INTO audit_entry SELECT 1000000000, record FROM audit_entry WHERE idx = 0"}, []string{audit.ProblemEntry}, 40},
		{"tail cut", []string{"DELETE FROM audit_entry WHERE idx >= 30"}, []string{audit.ProblemCheckpoint, audit.ProblemHash}, -2},
		{"everything removed", []string{"DELETE FROM audit_entry", "DELETE FROM audit_hash"}, []string{audit.ProblemCheckpoint}, 0},
		{"leaf hash changed", []string{"UPDATE audit_hash SET hash = zeroblob(32) WHERE idx = 0"}, []string{audit.ProblemCheckpoint, audit.ProblemEntry, audit.ProblemHash}, 0},
		{"inner hash changed", []string{"UPDATE audit_hash SET hash = zeroblob(32) WHERE idx = 2"}, []string{audit.ProblemHash}, 2},
		{"hash shortened", []string{"UPDATE audit_hash SET hash = x'00' WHERE idx = 5"}, []string{audit.ProblemHash}, 5},
		{"hash removed", []string{"DELETE FROM audit_hash WHERE idx = 9"}, []string{audit.ProblemHash}, 9},
		{"hash added", []string{"INSERT INTO audit_hash VALUES (1000, zeroblob(32))"}, []string{audit.ProblemHash}, 78},
		{"checkpoint removed", []string{"DELETE FROM audit_checkpoint"}, []string{audit.ProblemCheckpoint}, -1},
		{"value changed", []string{"UPDATE audit_personal SET fields = CAST(json_set(CAST(fields AS TEXT), '$.userEmail.value', 'mallory@contoso.example') AS BLOB) WHERE entry = 2"}, []string{audit.ProblemPersonal}, 2},
		{"salt changed", []string{"UPDATE audit_personal SET fields = CAST(json_set(CAST(fields AS TEXT), '$.userEmail.salt', 'AAAAAAAAAAAAAAAAAAAAAA==') AS BLOB) WHERE entry = 2"}, []string{audit.ProblemPersonal}, 2},
		{"value removed", []string{"UPDATE audit_personal SET fields = CAST(json_remove(CAST(fields AS TEXT), '$.userEmail') AS BLOB) WHERE entry = 2"}, []string{audit.ProblemPersonal}, 2},
		{"value added", []string{`UPDATE audit_personal SET fields = CAST(json_set(CAST(fields AS TEXT), '$.extra', json('{"salt":"","value":"x"}')) AS BLOB) WHERE entry = 2`}, []string{audit.ProblemPersonal}, 2},
		{"values malformed", []string{"UPDATE audit_personal SET fields = x'7b' WHERE entry = 2"}, []string{audit.ProblemPersonal}, 2},
		{"values of another entry", []string{"UPDATE audit_personal SET fields = (SELECT fields FROM audit_personal WHERE entry = 4) WHERE entry = 0"}, []string{audit.ProblemPersonal}, 0},
		{"values where none were", []string{"INSERT INTO audit_personal SELECT 1, tenant_id, user_id, fields FROM audit_personal WHERE entry = 0"}, []string{audit.ProblemPersonal}, 1},
		{"filed under another user", []string{"UPDATE audit_personal SET user_id = 'x' WHERE entry = 2"}, []string{audit.ProblemPersonal}, 2},
		{"filed under another tenant", []string{"UPDATE audit_personal SET tenant_id = 'x' WHERE entry = 2"}, []string{audit.ProblemPersonal}, 2},
		{"values removed in silence", []string{"DELETE FROM audit_personal WHERE entry = 2"}, []string{audit.ProblemPersonal}, -1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			path := copyOf(t, base)
			attack(t, path, test.attack...)
			r := verifyFile(t, path, nil)
			if r.OK || !slices.Equal(whats(r), test.want) {
				t.Fatalf("problems about %v, want %v: %+v", whats(r), test.want, r.Problems)
			}
			if got := r.Problems[0].Index; test.index != -2 && got != test.index {
				t.Errorf("the first problem is at %d, want %d: %+v", got, test.index, r.Problems)
			}
		})
	}
}

// Every changed bit of an entry, a hash or the checkpoint is found: all bytes of
// the checkpoint, both edges and random places of the others.
func TestChangedBits(t *testing.T) {
	t.Parallel()
	path := specimen(t)
	db, err := sql.Open("sqlite", path)
	must(t, err)
	defer func() { must(t, db.Close()) }()
	reader, err := sqlite.OpenReadOnly(t.Context(), path)
	must(t, err)
	defer func() { must(t, reader.Close()) }()
	flip := func(table, column, key string, row int64, at func(size int) int) {
		t.Helper()
		var data []byte
		must(t, db.QueryRow("SELECT "+column+" FROM "+table+" WHERE "+key+" = ?", row).Scan(&data))
		i, bit := at(len(data)), byte(1)<<rand.IntN(8)
		set := "UPDATE " + table + " SET " + column + " = ? WHERE " + key + " = ?"
		data[i] ^= bit
		_, err := db.Exec(set, data, row)
		must(t, err)
		if r := verify(t, reader.Audit(), nil); r.OK {
			t.Errorf("%s %d: bit %08b of byte %d of %d can be changed unnoticed", table, row, bit, i, len(data))
		}
		data[i] ^= bit
		_, err = db.Exec(set, data, row)
		must(t, err)
	}
	first := func(int) int { return 0 }
	last := func(size int) int { return size - 1 }
	for _, row := range []int64{0, 39} {
		flip("audit_entry", "record", "idx", row, first)
		flip("audit_entry", "record", "idx", row, last)
	}
	for _, row := range []int64{0, 77} {
		flip("audit_hash", "hash", "idx", row, first)
		flip("audit_hash", "hash", "idx", row, last)
	}
	for range 60 {
		flip("audit_entry", "record", "idx", rand.Int64N(40), rand.IntN)
		flip("audit_hash", "hash", "idx", rand.Int64N(78), rand.IntN)
	}
	var size int
	must(t, db.QueryRow("SELECT length(note) FROM audit_checkpoint").Scan(&size))
	for i := range size {
		flip("audit_checkpoint", "note", "one", 1, func(int) int { return i })
	}
	if r := verify(t, reader.Audit(), nil); !r.OK {
		t.Errorf("the restored log: %+v", r.Problems)
	}
}

// The attacks that leave a log without contradiction are found by a checkpoint
// kept outside, and by that alone.
func TestTrustedCheckpoint(t *testing.T) {
	t.Parallel()
	path := tempPath(t)
	db := openDB(t, path)
	store := db.Audit()
	l := openLog(t, store)
	for range 5 {
		call(t, l, write(newID()))
	}
	must(t, l.Event(t.Context(), audit.Event{Type: "server.stop"}))
	old := checkpoint(t, store)
	for range 3 {
		call(t, l, write(newID()))
	}
	closeLog(t, l)
	trusted := checkpoint(t, store)
	for _, c := range []*audit.Checkpoint{nil, old, trusted} {
		if r := verify(t, store, c); !r.OK {
			t.Fatalf("the genuine log against %+v: %+v", c, r.Problems)
		}
	}
	must(t, db.Close())

	t.Run("cut with its old checkpoint", func(t *testing.T) {
		path := copyOf(t, path)
		attack(t, path, "DELETE FROM audit_entry WHERE idx >= 11", "DELETE FROM audit_hash WHERE idx >= 19",
			"DELETE FROM audit_personal WHERE entry >= 11", "UPDATE audit_checkpoint SET note = CAST('"+old.Note+"' AS BLOB)")
		if r := verifyFile(t, path, nil); !r.OK {
			t.Errorf("without the trusted checkpoint: %+v", r.Problems)
		}
		if r := verifyFile(t, path, old); !r.OK {
			t.Errorf("with the older checkpoint: %+v", r.Problems)
		}
		if r := verifyFile(t, path, trusted); r.OK || !slices.Equal(whats(r), []string{audit.ProblemTrusted}) {
			t.Errorf("with the trusted checkpoint: %+v", r)
		}
	})
	t.Run("rebuilt with the right key", func(t *testing.T) {
		store := openDB(t, tempPath(t)).Audit()
		l := openLog(t, store)
		for range 10 {
			call(t, l, write(newID()))
		}
		closeLog(t, l)
		if r := verify(t, store, nil); !r.OK {
			t.Errorf("without the trusted checkpoint: %+v", r.Problems)
		}
		if r := verify(t, store, trusted); r.OK || !slices.Equal(whats(r), []string{audit.ProblemTrusted}) {
			t.Errorf("with the trusted checkpoint: %+v", r)
		}
	})
	t.Run("of another log", func(t *testing.T) {
		other := *trusted
		other.Origin = "other.example.com/audit"
		if r := verifyFile(t, path, &other); r.OK {
			t.Error("a checkpoint of another origin is believed")
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	base := specimen(t)
	tests := map[string][]string{
		"cut below the checkpoint":   {"DELETE FROM audit_entry WHERE idx >= 38"},
		"emptied":                    {"DELETE FROM audit_entry", "DELETE FROM audit_hash"},
		"without checkpoint":         {"DELETE FROM audit_checkpoint"},
		"tree changed":               {"UPDATE audit_hash SET hash = zeroblob(32) WHERE idx = 62"}, // of the first 32 entries
		"tree hash missing":          {"DELETE FROM audit_hash WHERE idx = 62"},
		"entry added without hash":   {"INSERT INTO audit_entry SELECT 40, record FROM audit_entry WHERE idx = 0"},
		"entry added after a gap":    {"INSERT INTO audit_entry SELECT 50, record FROM audit_entry WHERE idx = 0"},
		"hash added":                 {"INSERT INTO audit_hash VALUES (78, zeroblob(32))"},
		"open intent is an outcome":  {"INSERT INTO audit_open (entry) VALUES (1)"},
		"checkpoint is no signature": {"UPDATE audit_checkpoint SET note = x'41'"},
	}
	for name, statements := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := copyOf(t, base)
			attack(t, path, statements...)
			if _, err := tryLog(t, openDB(t, path).Audit()); !errors.Is(err, audit.ErrInconsistent) {
				t.Errorf("Open = %v, want ErrInconsistent", err)
			}
		})
	}
}

// Auditors read beside a server that writes and erases.
func TestVerifyBesideAWriter(t *testing.T) {
	t.Parallel()
	path := tempPath(t)
	l := openLog(t, openDB(t, path).Audit())
	reader, err := sqlite.OpenReadOnly(t.Context(), path)
	must(t, err)
	defer func() { must(t, reader.Close()) }()
	done := make(chan error, 1)
	go func() {
		for range 40 {
			id := newID()
			err := errors.Join(l.Intent(context.Background(), read(id)), l.Outcome(context.Background(), ok(id)))
			if _, eraseErr := l.Erase(context.Background(), alice.TenantID, alice.UserID); eraseErr != nil || err != nil {
				done <- errors.Join(err, eraseErr)
				return
			}
		}
		done <- nil
	}()
	var trusted *audit.Checkpoint
	for {
		if r := verify(t, reader.Audit(), trusted); !r.OK {
			t.Fatalf("verify: %+v", r)
		}
		trusted = checkpoint(t, reader.Audit())
		tail(t, reader.Audit())
		select {
		case err := <-done:
			must(t, err)
			return
		default:
		}
	}
}

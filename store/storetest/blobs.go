package storetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/blob"
)

// Blobs checks the contract of [blob.Store]; open returns an empty store.
func Blobs(t *testing.T, open func(t *testing.T) blob.Store) {
	t.Helper()
	blobRows(t, open)
	blobPersons(t, open)
	blobLimits(t, open)
	blobRaces(t, open)
}

var (
	blobNow    = time.Date(2026, 3, 29, 1, 30, 0, 123e6, time.UTC)
	blobOwner  = blob.Person{TenantID: "t1", UserID: "alice"}
	blobOthers = []blob.Person{{TenantID: "t1", UserID: "bob"}, {TenantID: "t2", UserID: "alice"}, {TenantID: "t1alice"}}
	blobRoom   = blob.Limits{Each: 100, Person: 150, Total: 300, Files: 5}
)

func blobRow(id string, owner blob.Person, size int64) blob.Row {
	return blob.Row{ID: id, Owner: owner, Size: size, Head: []byte("head \x00 of " + id), ExpiresAt: blobNow.Add(time.Hour)}
}

func insertBlob(t *testing.T, s blob.Store, row blob.Row) {
	t.Helper()
	if err := s.Insert(t.Context(), row, blobRoom, blobNow); err != nil {
		t.Fatal(err)
	}
}

func wantBlob(t *testing.T, s blob.Store, want blob.Row, now time.Time) {
	t.Helper()
	got, err := s.Find(t.Context(), want.Owner, want.ID, now)
	if err != nil {
		t.Fatalf("Find %s: %v", want.ID, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("row (-want +got):\n%s", diff)
	}
}

func wantNoBlob(t *testing.T, s blob.Store, owner blob.Person, id string, now time.Time) {
	t.Helper()
	if row, err := s.Find(t.Context(), owner, id, now); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Find %s of %v = %v, %v, want ErrNotFound", id, owner, row, err)
	}
}

func wantUsage(t *testing.T, s blob.Store, owner blob.Person, now time.Time, want blob.Usage) {
	t.Helper()
	if got, err := s.Usage(t.Context(), owner, now); err != nil || got != want {
		t.Errorf("usage of %v = %+v, %v, want %+v", owner, got, err, want)
	}
}

func blobRows(t *testing.T, open func(t *testing.T) blob.Store) {
	t.Helper()
	t.Run("a row is its person's, until it expires", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		row := blobRow("up_a", blobOwner, 70)
		wantNoBlob(t, s, blobOwner, row.ID, blobNow)
		insertBlob(t, s, row)
		wantBlob(t, s, row, blobNow)
		for _, other := range append(blobOthers, blob.Person{}) {
			wantNoBlob(t, s, other, row.ID, blobNow)
		}
		wantNoBlob(t, s, blobOwner, "UP_A", blobNow)
		wantNoBlob(t, s, blobOwner, "", blobNow)
		wantBlob(t, s, row, row.ExpiresAt.Add(-time.Millisecond))
		wantNoBlob(t, s, blobOwner, row.ID, row.ExpiresAt)
	})
	t.Run("an id is one file's, whoever has it", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		row := blobRow("up_a", blobOwner, 1)
		insertBlob(t, s, row)
		for _, owner := range append(blobOthers, blobOwner) {
			if err := s.Insert(t.Context(), blobRow("up_a", owner, 2), blobRoom, blobNow); !errors.Is(err, blob.ErrTaken) {
				t.Errorf("%v: %v, want ErrTaken", owner, err)
			}
		}
		wantBlob(t, s, row, blobNow)
	})
	t.Run("pages", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		var want []string
		for i, owner := range append(blobOthers, blobOwner) {
			row := blobRow(fmt.Sprintf("up_%c", 'd'-i), owner, 1)
			row.ExpiresAt = blobNow.Add(-time.Duration(i) * time.Hour)
			insertBlob(t, s, row)
			want = append([]string{row.ID}, want...)
		}
		var got []string
		for after := ""; ; {
			page, err := s.List(t.Context(), after, 3)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range page {
				got, after = append(got, row.ID), row.ID
			}
			if len(page) < 3 {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("ids (-want +got):\n%s", diff)
		}
	})
	t.Run("deletion", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		kept, odd := blobRow("up_k", blobOwner, 1), `up_'"],\`
		insertBlob(t, s, kept)
		insertBlob(t, s, blobRow(odd, blobOwner, 1))
		insertBlob(t, s, blobRow("up_b", blobOthers[0], 1))
		for _, ids := range [][]string{nil, {odd, "up_b", "up_none"}, {"up_b"}, {"%"}} {
			if err := s.Delete(t.Context(), ids); err != nil {
				t.Fatal(err)
			}
		}
		wantNoBlob(t, s, blobOwner, odd, blobNow)
		wantNoBlob(t, s, blobOthers[0], "up_b", blobNow)
		wantBlob(t, s, kept, blobNow)
	})
}

func blobPersons(t *testing.T, open func(t *testing.T) blob.Store) {
	t.Helper()
	t.Run("a person is forgotten", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		over := blobRow("up_b", blobOwner, 1)
		over.ExpiresAt = blobNow.Add(-time.Hour)
		insertBlob(t, s, over)
		insertBlob(t, s, blobRow("up_a", blobOwner, 1))
		for i, owner := range blobOthers {
			insertBlob(t, s, blobRow(fmt.Sprintf("up_%d", i), owner, 1))
		}
		for _, want := range [][]string{{"up_a", "up_b"}, nil} {
			got, err := s.DeletePerson(t.Context(), blobOwner)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("DeletePerson: %v (-want +got):\n%s", err, diff)
			}
		}
		left, err := s.List(t.Context(), "", 10)
		if err != nil || len(left) != len(blobOthers) {
			t.Errorf("%d rows left, %v", len(left), err)
		}
		for i, owner := range blobOthers {
			wantBlob(t, s, blobRow(fmt.Sprintf("up_%d", i), owner, 1), blobNow)
		}
	})
}

func blobLimits(t *testing.T, open func(t *testing.T) blob.Store) {
	t.Helper()
	t.Run("what is there counts", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		wantUsage(t, s, blobOwner, blobNow, blob.Usage{})
		soon := blobRow("up_a", blobOwner, 90)
		soon.ExpiresAt = blobNow.Add(time.Minute)
		insertBlob(t, s, soon)
		insertBlob(t, s, blobRow("up_b", blobOwner, 10))
		insertBlob(t, s, blobRow("up_c", blobOthers[0], 30))
		wantUsage(t, s, blobOwner, blobNow, blob.Usage{Person: 100, Files: 2, Total: 130})
		wantUsage(t, s, blobOwner, soon.ExpiresAt, blob.Usage{Person: 10, Files: 1, Total: 130})
		wantUsage(t, s, blobOthers[1], blobNow, blob.Usage{Total: 130})
	})
	for name, c := range map[string]struct {
		there []blob.Row
		size  int64
		want  blob.LimitOf
	}{
		"of a file":    {nil, 101, blob.LimitEach},
		"of a person":  {[]blob.Row{blobRow("up_a", blobOwner, 100)}, 51, blob.LimitPerson},
		"of all":       {[]blob.Row{blobRow("up_a", blobOthers[0], 100), blobRow("up_b", blobOthers[1], 100), blobRow("up_c", blobOthers[2], 50)}, 51, blob.LimitTotal},
		"at the limit": {[]blob.Row{blobRow("up_a", blobOwner, 50)}, 100, ""},
		"of files": {[]blob.Row{
			blobRow("up_a", blobOwner, 0), blobRow("up_b", blobOwner, 0), blobRow("up_c", blobOwner, 0), blobRow("up_d", blobOwner, 0), blobRow("up_e", blobOwner, 0),
		}, 0, blob.LimitFiles},
	} {
		t.Run("the limit "+name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			for _, row := range c.there {
				insertBlob(t, s, row)
			}
			row := blobRow("up_new", blobOwner, c.size)
			err := s.Insert(t.Context(), row, blobRoom, blobNow)
			if limit, ok := errors.AsType[*blob.LimitError](err); c.want != "" && (!ok || limit.Of != c.want) || c.want == "" && err != nil {
				t.Fatalf("Insert = %v, want limit %q", err, c.want)
			}
			if c.want != "" {
				wantNoBlob(t, s, blobOwner, row.ID, blobNow)
			}
		})
	}
}

func blobRaces(t *testing.T, open func(t *testing.T) blob.Store) {
	t.Helper()
	t.Run("of many at once only what fits is stored", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		errs := make([]error, 20)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				errs[i] = s.Insert(t.Context(), blobRow(fmt.Sprintf("up_%02d", i), blobOwner, 50), blobRoom, blobNow)
			})
		}
		wg.Wait()
		stored := 0
		for _, err := range errs {
			if err == nil {
				stored++
			} else if _, ok := errors.AsType[*blob.LimitError](err); !ok {
				t.Error(err)
			}
		}
		if stored != 3 {
			t.Errorf("%d of 20 were stored, want 3", stored)
		}
		wantUsage(t, s, blobOwner, blobNow, blob.Usage{Person: 150, Files: 3, Total: 150})
	})
	t.Run("of many at once one gets an id", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		onlyOneSucceeds(t, concurrently(10, func(i int) error {
			return s.Insert(t.Context(), blobRow("up_a", blob.Person{TenantID: "t1", UserID: fmt.Sprint(i)}, 1), blobRoom, blobNow)
		}), blob.ErrTaken)
	})
	t.Run("deletions of several replicas", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		room := blob.Limits{Each: 1, Person: 1000, Total: 1000, Files: 1000}
		ids := make([]string, 40)
		for range 5 {
			for i := range ids {
				ids[i] = fmt.Sprintf("up_%02d", i)
				must(t, s.Insert(t.Context(), blobRow(ids[i], blobOwner, 1), room, blobNow))
			}
			only(t, concurrently(4, func(i int) error {
				mine := slices.Clone(ids)
				if i%2 == 1 {
					slices.Reverse(mine)
				}
				return s.Delete(t.Context(), mine)
			}))
		}
	})
}

package handle_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/handle"
	"m365mcp/identity"
	"m365mcp/store/sqlite"
)

var (
	ada = identity.Principal{TenantID: "tenant-1", UserID: "ada", GrantID: "g1"}
	ben = identity.Principal{TenantID: "tenant-1", UserID: "ben", GrantID: "g2"}
)

// bed is a service on a database, with a clock that the test moves.
type bed struct {
	*handle.Service
	path string
	db   *sqlite.DB
	now  time.Time
}

func newBed(tb testing.TB) *bed {
	tb.Helper()
	b := &bed{path: filepath.Join(tb.TempDir(), "handles.db"), now: time.Date(2026, 3, 29, 1, 30, 0, 0, time.UTC)}
	b.open(tb)
	tb.Cleanup(func() { b.close(tb) })
	b.Service = b.service(tb, "key one")
	return b
}

func (b *bed) open(tb testing.TB) {
	tb.Helper()
	db, err := sqlite.Open(tb.Context(), b.path)
	if err != nil {
		tb.Fatal(err)
	}
	b.db = db
}

func (b *bed) close(tb testing.TB) {
	tb.Helper()
	if err := b.db.Close(); err != nil {
		tb.Error(err)
	}
}

func (b *bed) service(tb testing.TB, key string) *handle.Service {
	tb.Helper()
	s, err := handle.New(handle.Options{
		Store: b.db.Handles(), Keys: keysOf(key), Now: func() time.Time { return b.now },
	})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func keysOf(key string) func(string) []byte {
	return func(purpose string) []byte { return []byte(strings.Repeat(key+purpose, 32)[:32]) }
}

// graphID has the length and the letters of an immutable id of a mail.
func graphID(i int) string {
	return fmt.Sprintf("AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A%s_%06d-AAA=", strings.Repeat("kW9vZm1hcmsK", 8), i)
}

func page(from, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = graphID(from + i)
	}
	return ids
}

func shorten(tb testing.TB, s *handle.Service, p identity.Principal, kind handle.Kind, ids ...string) []string {
	tb.Helper()
	got, err := s.Shorten(tb.Context(), p, kind, ids)
	if err != nil {
		tb.Fatal(err)
	}
	return got
}

func wantID(tb testing.TB, s *handle.Service, p identity.Principal, kind handle.Kind, given, want string) {
	tb.Helper()
	got, err := s.Resolve(tb.Context(), p, kind, given)
	if err != nil || got != want {
		tb.Errorf("Resolve %q = %q, %v, want %q", given, got, err, want)
	}
}

func refusal(tb testing.TB, s *handle.Service, p identity.Principal, kind handle.Kind, given string, reason error) *handle.Error {
	tb.Helper()
	got, err := s.Resolve(tb.Context(), p, kind, given)
	e, ok := errors.AsType[*handle.Error](err)
	if !ok || !errors.Is(err, reason) || got != "" {
		tb.Fatalf("Resolve %q = %q, %v, want an Error for %q", given, got, err, reason)
	}
	return e
}

func wantUnknown(tb testing.TB, s *handle.Service, p identity.Principal, given string) {
	tb.Helper()
	_ = refusal(tb, s, p, handle.KindMail, given, handle.ErrUnknown)
}

func TestThereAndBack(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	ids := page(0, 50)
	short := shorten(t, b.Service, ada, handle.KindMail, ids...)
	seen := map[string]bool{}
	for i, h := range short {
		if len(h) != 12 || !strings.HasPrefix(h, "m_") || seen[h] {
			t.Errorf("handle %q is no new m_ and ten letters", h)
		}
		seen[h] = true
		wantID(t, b.Service, ada, handle.KindMail, h, ids[i])
	}
	wantID(t, b.Service, ada, handle.KindMail, " "+strings.ToUpper(short[0])+"\n", ids[0])
	if diff := cmp.Diff(short, shorten(t, b.Service, ada, handle.KindMail, ids...)); diff != "" {
		t.Errorf("the second time (-first +second):\n%s", diff)
	}
	// In other company, and twice on a page.
	if got := shorten(t, b.Service, ada, handle.KindMail, ids[7], graphID(99), ids[7]); got[0] != short[7] || got[2] != short[7] || got[1] == short[7] {
		t.Errorf("%q, want %q first and last", got, short[7])
	}
}

// The vectors hold what handles are computed from: a change of it would give every
// item a second handle.
func TestVectors(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	for kind, want := range map[handle.Kind]string{
		handle.KindMail: "m_ygwphfbgmt", handle.KindEvent: "ev_qxnpspqsvy",
	} {
		if got := shorten(t, b.Service, ada, kind, graphID(1))[0]; got != want {
			t.Errorf("handle of kind %s = %s, want %s", kind, got, want)
		}
	}
}

func TestShortIDsStandForThemselves(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	ids := []string{"", "1616990032035", "inbox", "19:meeting_MjA", "m_typo"}
	got := shorten(t, b.Service, ada, handle.KindMail, ids...)
	for i, id := range ids[:3] {
		if got[i] != id {
			t.Errorf("%q became %q", id, got[i])
		}
	}
	for i, id := range ids[3:] { // too long, or like a handle
		if len(got[3+i]) != 12 {
			t.Errorf("%q became %q", id, got[3+i])
		}
		wantID(t, b.Service, ada, handle.KindMail, got[3+i], id)
	}
}

func TestGraphIDsAreTaken(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	for _, id := range []string{
		graphID(1), "inbox", "AQMkAD==", "19:561fbdbbfca848a484f0a6f00ce9dbbd@thread.tacv2",
		"19:8ea0e38b-efb3-4757-924a-5f94061cf8c2_87d349ed-44d7-43e1-9a83-5f2406dee5bd@unq.gbl.spaces",
		"1616990032035", "b!t18F8ybsHUq1z3LTz8xvZqP8zaSWjkFNhsME-Fepo75dTf9vQKfeRblBZjoSQrd7", "01BYE5RZ6QN3ZWBTUFOFD3GSPGOHDJD36K",
		"contoso.example,2c712604-1370-44e7-a1f5-426573fda80a,2d2244c3-251a-49ea-93a8-39e1c3a060fe",
		"ta_zlSKkIUSUl6DFyEilrmQAKDhh", // Planner's have 28 characters and could begin so
		"zz_abcdefghjk", "a-folder_name", strings.Repeat("x", 1024),
	} {
		wantID(t, b.Service, ada, handle.KindMail, id, id)
		wantID(t, b.Service, ada, handle.KindTask, "\t"+id+" ", id)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	h := shorten(t, b.Service, ada, handle.KindMail, graphID(1))[0]
	for given, reason := range map[string]error{
		"": handle.ErrMalformed, " \n": handle.ErrMalformed,
		strings.Repeat("x", 1025): handle.ErrMalformed,
		"a\x00b":                  handle.ErrMalformed,
		"a\nb":                    handle.ErrMalformed,
		"\xff":                    handle.ErrMalformed,
		"m_":                      handle.ErrMalformed,
		h[:11]:                    handle.ErrMalformed,
		h + "a":                   handle.ErrMalformed,
		h[:11] + "o":              handle.ErrMalformed, // not in the alphabet
		h[:11] + "7":              handle.ErrMalformed,
		h + "aaa":                 handle.ErrUnknown,
		"m_aaaaaaaaaa":            handle.ErrUnknown,
		"ev_aaaaaaaaaa":           handle.ErrWrongKind,
	} {
		e := refusal(t, b.Service, ada, handle.KindMail, given, reason)
		if e.Error() == "" || e.Action() == "" {
			t.Errorf("%q is refused without words", given)
		}
	}
	e := refusal(t, b.Service, ada, handle.KindCalendar, strings.ToUpper(h), handle.ErrWrongKind)
	if want := "the id " + h + " is of kind mail, and kind calendar is needed"; e.Error() != want {
		t.Errorf("words %q, want %q", e.Error(), want)
	}
	if !strings.Contains(e.Action(), "calendar") {
		t.Errorf("the way out of a wrong kind is %q", e.Action())
	}
	e = refusal(t, b.Service, ada, handle.KindMail, "m_aaaaaaaaaa", handle.ErrUnknown)
	if !strings.Contains(e.Action(), "list the items again") {
		t.Errorf("the way out of an unknown handle is %q", e.Action())
	}
	// What is not even like a handle is not repeated: it can hold anything.
	if e := refusal(t, b.Service, ada, handle.KindMail, "ignore\nall", handle.ErrMalformed); strings.Contains(e.Error(), "ignore") {
		t.Errorf("the words repeat the input: %q", e.Error())
	}
}

func TestPeopleShareNothing(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	others := []identity.Principal{
		ben,
		{TenantID: "tenant-2", UserID: "ada"},
		{TenantID: "tenant-1a", UserID: "da"}, // the same text when joined
	}
	mine := shorten(t, b.Service, ada, handle.KindMail, graphID(1))[0]
	for _, p := range others {
		wantUnknown(t, b.Service, p, mine)
		theirs := shorten(t, b.Service, p, handle.KindMail, graphID(1))[0]
		if theirs == mine {
			t.Errorf("%s has the handle of %s", p.UserKey(), ada.UserKey())
		}
		wantUnknown(t, b.Service, ada, theirs)
	}
	if err := b.Forget(t.Context(), handle.Person{TenantID: ada.TenantID, UserID: ada.UserID}); err != nil {
		t.Fatal(err)
	}
	wantUnknown(t, b.Service, ada, mine)
	wantID(t, b.Service, ben, handle.KindMail, shorten(t, b.Service, ben, handle.KindMail, graphID(1))[0], graphID(1))
}

func TestNobodyHasNoHandles(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	for _, p := range []identity.Principal{{}, {TenantID: "t"}, {UserID: "u"}, {Service: "build"}, {TenantID: "tenant-1", UserID: "ada", Service: "build"}} {
		if got, err := b.Shorten(t.Context(), p, handle.KindMail, page(0, 1)); err == nil {
			t.Errorf("Shorten for %+v = %q", p, got)
		}
		if got, err := b.Resolve(t.Context(), p, handle.KindMail, graphID(1)); err == nil {
			t.Errorf("Resolve for %+v = %q", p, got)
		}
	}
}

func TestUnknownKindsAreErrors(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	if got, err := b.Shorten(t.Context(), ada, "mails", page(0, 1)); err == nil {
		t.Errorf("Shorten = %q", got)
	}
	if got, err := b.Resolve(t.Context(), ada, "mails", graphID(1)); err == nil {
		t.Errorf("Resolve = %q", got)
	}
}

func TestRestartAndNewKey(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	before := shorten(t, b.Service, ada, handle.KindMail, page(0, 3)...)
	b.close(t)
	b.open(t)
	same, rotated := b.service(t, "key one"), b.service(t, "key two")
	for _, s := range []*handle.Service{same, rotated} {
		wantID(t, s, ada, handle.KindMail, before[0], graphID(0))
		if diff := cmp.Diff(before, shorten(t, s, ada, handle.KindMail, page(0, 3)...)); diff != "" {
			t.Errorf("after a restart (-before +after):\n%s", diff)
		}
	}
	// Replicas with either key, side by side.
	added := shorten(t, rotated, ada, handle.KindMail, graphID(9))[0]
	if got := shorten(t, same, ada, handle.KindMail, graphID(9))[0]; got != added {
		t.Errorf("one replica gave %s and another %s", added, got)
	}
	// What was forgotten is computed anew: alike under the same key, only under that.
	if err := same.Forget(t.Context(), handle.Person{TenantID: ada.TenantID, UserID: ada.UserID}); err != nil {
		t.Fatal(err)
	}
	if got := shorten(t, same, ada, handle.KindMail, graphID(0))[0]; got != before[0] {
		t.Errorf("forgotten and listed again: %s, was %s", got, before[0])
	}
	if got := shorten(t, rotated, ada, handle.KindMail, graphID(1))[0]; got == before[1] {
		t.Error("the handle does not depend on the key")
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	start := b.now
	h := shorten(t, b.Service, ada, handle.KindMail, graphID(1), graphID(2))
	used, unused := h[0], h[1]

	b.now = start.Add(23 * time.Hour) // too soon to be written
	wantID(t, b.Service, ada, handle.KindMail, used, graphID(1))
	b.now = start.Add(23*time.Hour + handle.Life) // and still 90 days are kept
	if err := b.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantID(t, b.Service, ada, handle.KindMail, used, graphID(1))

	b.now = start.Add(24*time.Hour + handle.Life)
	wantUnknown(t, b.Service, ada, unused) // before any sweep
	if err := b.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantUnknown(t, b.Service, ada, unused)
	wantID(t, b.Service, ada, handle.KindMail, used, graphID(1))
	if got := shorten(t, b.Service, ada, handle.KindMail, graphID(2))[0]; got != unused { // the way out
		t.Errorf("listed again: %s, was %s", got, unused)
	}
	wantID(t, b.Service, ada, handle.KindMail, unused, graphID(2))
}

func TestListingKeepsAlive(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	h := shorten(t, b.Service, ada, handle.KindMail, graphID(1))[0]
	for range 3 {
		b.now = b.now.Add(handle.Life - time.Hour)
		if err := b.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		shorten(t, b.Service, ada, handle.KindMail, graphID(1))
	}
	b.now = b.now.Add(handle.Life)
	wantID(t, b.Service, ada, handle.KindMail, h, graphID(1))
}

func TestUseIsWrittenOnceADay(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	start := b.now
	h := shorten(t, b.Service, ada, handle.KindMail, graphID(1))[0]
	for _, use := range []func(){
		func() { wantID(t, b.Service, ada, handle.KindMail, h, graphID(1)) },
		func() { shorten(t, b.Service, ada, handle.KindMail, graphID(1)) },
	} {
		for _, c := range []struct{ after, written time.Duration }{{24 * time.Hour, 0}, {25 * time.Hour, 25 * time.Hour}} {
			b.now = start.Add(c.after)
			use()
			e, err := b.db.Handles().Find(t.Context(), handle.Person{TenantID: ada.TenantID, UserID: ada.UserID}, h)
			if want := start.Add(c.written); err != nil || !e.UsedAt.Equal(want) {
				t.Errorf("used after %s: written %s, %v, want %s", c.after, e.UsedAt, err, want)
			}
		}
		start = b.now
	}
}

func TestSweepGoesOn(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	shorten(t, b.Service, ada, handle.KindMail, page(0, 600)...) // more than a transaction deletes
	shorten(t, b.Service, ben, handle.KindMail, page(0, 600)...)
	b.now = b.now.Add(handle.Life + 24*time.Hour)
	if err := b.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n, err := b.db.Handles().DeleteUnused(t.Context(), b.now, 1); n != 0 || err != nil {
		t.Errorf("%d rows are left, %v", n, err)
	}
}

// With one letter 23 items have names, with two and three there are many collisions.
func TestCollisionsLengthen(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	s := b.WithSizes(1, 2, 3, 16)
	ids := page(0, 400)
	short := shorten(t, s, ada, handle.KindMail, ids...)
	sizes := map[int]int{}
	for i, h := range short {
		sizes[len(h)-2]++
		wantID(t, s, ada, handle.KindMail, h, ids[i])
	}
	for _, size := range []int{1, 2, 3} {
		if sizes[size] == 0 {
			t.Errorf("no handle of %d letters among %v", size, sizes)
		}
	}
	if sizes[1] > 23 {
		t.Errorf("%d handles of one letter", sizes[1])
	}
	if diff := cmp.Diff(short, shorten(t, s, ada, handle.KindMail, ids...)); diff != "" {
		t.Errorf("the second time (-first +second):\n%s", diff)
	}
	if got, err := b.WithSizes(1).Shorten(t.Context(), ada, handle.KindMail, page(1000, 24)); !errors.Is(err, handle.ErrTaken) {
		t.Errorf("24 items with 23 letters = %q, %v, want ErrTaken", got, err)
	}
}

func TestConcurrently(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	const callers = 8
	got := make([][]string, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			var err error
			if got[i], err = b.Shorten(t.Context(), ada, handle.KindEvent, page(i, 50)); err != nil { // overlapping pages
				t.Error(err)
				return
			}
			for j, h := range got[i] {
				wantID(t, b.Service, ada, handle.KindEvent, h, graphID(i+j))
			}
		})
	}
	wg.Wait()
	for i := 1; i < callers; i++ {
		if diff := cmp.Diff(got[0][i:], got[i][:50-i]); diff != "" {
			t.Errorf("caller %d (-first +other):\n%s", i, diff)
		}
	}
}

func TestStoreFailuresAreReported(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	h := shorten(t, b.Service, ada, handle.KindMail, graphID(1))[0]
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := b.Resolve(ctx, ada, handle.KindMail, h); !errors.Is(err, context.Canceled) {
		t.Errorf("Resolve = %q, %v", got, err)
	}
	if got, err := b.Shorten(ctx, ada, handle.KindMail, page(0, 2)); !errors.Is(err, context.Canceled) {
		t.Errorf("Shorten = %q, %v", got, err)
	}
	if err := b.Sweep(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Sweep = %v", err)
	}
	if err := b.Forget(ctx, handle.Person{TenantID: "t", UserID: "u"}); !errors.Is(err, context.Canceled) {
		t.Errorf("Forget = %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	good := handle.Options{Store: b.db.Handles(), Keys: keysOf("k"), Now: func() time.Time { return b.now }}
	for name, spoil := range map[string]func(*handle.Options){
		"no store":  func(o *handle.Options) { o.Store = nil },
		"no keys":   func(o *handle.Options) { o.Keys = nil },
		"no clock":  func(o *handle.Options) { o.Now = nil },
		"short key": func(o *handle.Options) { o.Keys = func(string) []byte { return make([]byte, 31) } },
	} {
		o := good
		spoil(&o)
		if _, err := handle.New(o); err == nil {
			t.Errorf("%s: New accepted it", name)
		}
	}
}

package audit

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	maxProblems = 100     // listed; the others are counted
	maxGap      = 4096    // missing entries in a row to bridge with their stored hashes
	maxSize     = 1 << 50 // no real log is longer; larger indexes were forged
)

// The things that a [Problem] is about.
const (
	ProblemEntry      = "entry"      // changed, moved, removed or inserted
	ProblemHash       = "hash"       // a stored hash of the tree
	ProblemCheckpoint = "checkpoint" // the latest checkpoint, or what it covers
	ProblemTrusted    = "trusted"    // the log is no continuation of the trusted checkpoint
	ProblemPersonal   = "personal"   // a value that does not open its commitment, or was removed in silence
	ProblemDatabase   = "database"   // no log can be read from it, or an empty one
	ProblemCall       = "call"       // not one intent and one outcome for a call
)

// Problem is one finding of [Verify]. Index is that of the entry, or for
// [ProblemHash] the stored hash index; -1 when it is about the log as a whole.
type Problem struct {
	Index  int64  `json:"index"`
	What   string `json:"what"`
	Detail string `json:"detail"`
}

// Report is the answer of [Verify].
type Report struct {
	OK         bool      `json:"ok"`
	Entries    int64     `json:"entries"`           // read and checked
	Size       int64     `json:"size"`              // of the log when the check began
	Root       string    `json:"root"`              // computed from the entries
	Checkpoint string    `json:"checkpoint"`        // the signed note, worth keeping elsewhere
	Unsigned   int64     `json:"unsigned"`          // entries after the checkpoint
	Open       int       `json:"open"`              // intents without outcome: in flight, or cut off by a crash
	Erased     int64     `json:"erased"`            // entries whose personal values were erased
	Problems   []Problem `json:"problems"`          // at most 100
	Omitted    int       `json:"omitted,omitempty"` // problems beyond those
}

// Verify reads the whole log and computes everything again: leaves, stored
// hashes, roots, signature, commitments, pairs of intent and outcome. The store
// may be written to meanwhile. What is wrong with the log is in the report; an
// error means that it could not be read.
//
// A trusted checkpoint is one kept outside the database. Only with it can a log
// that was cut, or rebuilt by someone who has the signing key, be told from a
// genuine one.
func Verify(ctx context.Context, store Store, verifiers note.Verifiers, trusted *Checkpoint) (Report, error) {
	head, err := store.Head(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("audit: verify: %w", err)
	}
	v := &verification{
		store: store, head: head, tree: newTree(), roots: map[int64]string{}, open: map[string]int64{},
		report: Report{Size: head.Size, Checkpoint: string(head.Checkpoint), Problems: []Problem{}},
	}
	latest := v.checkpoint(verifiers)
	for _, c := range []*Checkpoint{latest, trusted} {
		if c != nil {
			v.roots[c.Size] = ""
		}
	}
	if err := v.entries(ctx); err != nil {
		return Report{}, err
	}
	v.compareRoots(latest, trusted)
	if err := v.erasures(ctx); err != nil {
		return Report{}, err
	}
	v.report.Open = len(v.open)
	v.report.OK = len(v.report.Problems) == 0
	return v.report, nil
}

// verification is the state of one Verify.
type verification struct {
	store  Store
	head   Head
	report Report
	tree   *tree
	roots  map[int64]string // by the sizes that checkpoints speak of
	broken bool             // the tree could not be computed to its end
	open   map[string]int64
	erased int64 // entries that audit.erase events account for
}

func (v *verification) problem(index int64, what, format string, args ...any) {
	if len(v.report.Problems) >= maxProblems {
		v.report.Omitted++
		return
	}
	v.report.Problems = append(v.report.Problems, Problem{Index: index, What: what, Detail: fmt.Sprintf(format, args...)})
}

func (v *verification) checkpoint(verifiers note.Verifiers) *Checkpoint {
	if v.head.Checkpoint == nil {
		if v.head.Size > 0 || v.head.Hashes > 0 {
			v.problem(-1, ProblemCheckpoint, "there is none")
		}
		v.report.Unsigned = v.head.Size
		return nil
	}
	c, err := ParseCheckpoint(v.head.Checkpoint, verifiers)
	if err != nil {
		v.problem(-1, ProblemCheckpoint, "%v", err)
		v.report.Unsigned = v.head.Size
		return nil
	}
	v.report.Unsigned = max(0, v.head.Size-c.Size)
	return c
}

func (v *verification) entries(ctx context.Context) error {
	if err := v.noteRoot(); err != nil {
		return err
	}
	if v.head.Size > maxSize || v.head.Hashes > 2*maxSize {
		v.broken = true
		v.problem(v.head.Size-1, ProblemEntry, "no log is that long")
		return nil
	}
	below, err := v.store.Entries(ctx, math.MinInt64, 1)
	if err != nil {
		return fmt.Errorf("audit: verify: %w", err)
	}
	if len(below) > 0 && below[0].Index < 0 {
		v.problem(below[0].Index, ProblemEntry, "an entry before the first one")
	}
	for v.tree.size < v.head.Size && !v.broken {
		page, err := v.store.Entries(ctx, v.tree.size, pageSize)
		if err != nil {
			return fmt.Errorf("audit: verify: %w", err)
		}
		end := v.reach(page)
		if end == v.tree.size {
			v.broken = true
			v.problem(end, ProblemEntry, "missing, and more than %d others after it; the check ends here", maxGap)
			break
		}
		stored, err := v.store.Hashes(ctx, tlog.StoredHashCount(v.tree.size), tlog.StoredHashCount(end))
		if err != nil {
			return fmt.Errorf("audit: verify: %w", err)
		}
		if err := v.page(page, stored, end); err != nil {
			return err
		}
	}
	if want := tlog.StoredHashCount(v.head.Size); v.head.Hashes > want {
		v.problem(want, ProblemHash, "%d hashes beyond the tree", v.head.Hashes-want)
	}
	if v.broken {
		return nil
	}
	root, err := v.tree.root()
	v.report.Root = root.String()
	return err
}

// reach tells up to where a page can be checked: its end, or a gap too wide to bridge.
func (v *verification) reach(page []Entry) int64 {
	end := v.tree.size
	for _, e := range page {
		if e.Index-end > maxGap {
			return end
		}
		end = min(e.Index+1, v.head.Size)
	}
	if len(page) == 0 && v.head.Size-end <= maxGap {
		return v.head.Size
	}
	return end
}

// page checks the entries below end. A missing or changed entry is reported and
// bridged with its stored hash, so that the report names the entry and not
// every hash above it.
func (v *verification) page(entries []Entry, stored map[int64]tlog.Hash, end int64) error {
	for v.tree.size < end {
		index := v.tree.size
		first := tlog.StoredHashCount(index)
		leaf, known := stored[first]
		if len(entries) > 0 && entries[0].Index == index {
			computed := leafHash(entries[0].Record)
			genuine := !known || computed == leaf
			if !genuine {
				v.problem(index, ProblemEntry, "its bytes do not have the hash that was recorded")
			} else {
				leaf = computed
			}
			v.entry(entries[0], genuine)
			entries = entries[1:]
		} else {
			v.problem(index, ProblemEntry, "missing")
		}
		want, err := v.tree.append(leaf)
		if err != nil {
			return err
		}
		for i, h := range want {
			at := first + int64(i)
			got, ok := stored[at]
			switch {
			case !ok:
				v.problem(at, ProblemHash, "missing or malformed, of entry %d", index)
			case got != h:
				v.problem(at, ProblemHash, "does not follow from the entries up to %d", index)
			}
		}
		if err := v.noteRoot(); err != nil {
			return err
		}
	}
	v.tree.prune()
	return nil
}

func (v *verification) noteRoot() error {
	if _, wanted := v.roots[v.tree.size]; !wanted {
		return nil
	}
	root, err := v.tree.root()
	v.roots[v.tree.size] = root.String()
	return err
}

func (v *verification) entry(e Entry, genuine bool) {
	v.report.Entries++
	r, err := decodeRecord(e.Record)
	if err != nil {
		v.problem(e.Index, ProblemEntry, "%v", err)
		return
	}
	if !genuine {
		return // what it says is no evidence, and would only raise problems that follow from the first
	}
	v.personal(e, r)
	v.erased += erasedBy(r)
	switch r.Kind {
	case KindIntent:
		if before, twice := v.open[r.ID]; twice {
			v.problem(e.Index, ProblemCall, "intent %s is at %d already", r.ID, before)
		}
		v.open[r.ID] = e.Index
	case KindOutcome:
		// After an earlier problem its intent may be the entry that is missing.
		if _, ok := v.open[r.ID]; !ok && len(v.report.Problems) == 0 {
			v.problem(e.Index, ProblemCall, "outcome %s without an open intent", r.ID)
		}
		delete(v.open, r.ID)
	case KindEvent:
	}
}

func (v *verification) personal(e Entry, r record) {
	if e.Personal == nil {
		if len(r.Personal) > 0 {
			v.report.Erased++
		}
		return
	}
	disclosed, err := e.Personal.disclosures()
	if err != nil {
		v.problem(e.Index, ProblemPersonal, "%v", err)
		return
	}
	for field, committed := range r.Personal {
		d, ok := disclosed[field]
		switch {
		case !ok:
			v.problem(e.Index, ProblemPersonal, "%s was removed while others stay", field)
		case !d.opens(field, committed):
			v.problem(e.Index, ProblemPersonal, "%s is not the value that was recorded", field)
		}
	}
	for field := range disclosed {
		if _, ok := r.Personal[field]; !ok {
			v.problem(e.Index, ProblemPersonal, "%s was added", field)
		}
	}
	// The key of erasure must lead to the person, or an erasure would miss the entry.
	if e.Personal.TenantID != r.TenantID || e.Personal.UserID != disclosed[fieldUserID].Value {
		v.problem(e.Index, ProblemPersonal, "filed under another person")
	}
}

func erasedBy(r record) int64 {
	if r.Kind != KindEvent || r.Type != eventErase {
		return 0
	}
	n, err := strconv.ParseInt(r.Attributes[attrEntries], 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// compareRoots holds the computed tree against the checkpoints.
func (v *verification) compareRoots(latest, trusted *Checkpoint) {
	if latest != nil {
		v.compareRoot(latest, ProblemCheckpoint)
	}
	if trusted == nil {
		return
	}
	v.compareRoot(trusted, ProblemTrusted)
	if latest != nil && latest.Origin != trusted.Origin {
		v.problem(-1, ProblemTrusted, "it is a checkpoint of %q, the log is %q", trusted.Origin, latest.Origin)
	}
}

func (v *verification) compareRoot(c *Checkpoint, what string) {
	switch root := v.roots[c.Size]; {
	case c.Size > v.head.Size:
		v.problem(v.head.Size, what, "the log was cut: it has %d entries, signed were %d", v.head.Size, c.Size)
	case root == "":
		v.problem(-1, what, "the root of the first %d entries cannot be computed", c.Size)
	case root != c.Root.String():
		v.problem(-1, what, "the first %d entries have root %s, signed was %s", c.Size, root, c.Root)
	}
}

// erasures demands that every erased entry is accounted for. Entries that
// arrived during the check are read too: an erasure among them explains values
// that vanished before the check came to them.
func (v *verification) erasures(ctx context.Context) error {
	for from := v.head.Size; v.report.Erased > v.erased; {
		page, err := v.store.Entries(ctx, from, pageSize)
		if err != nil {
			return fmt.Errorf("audit: verify: %w", err)
		}
		for _, e := range page {
			if r, err := decodeRecord(e.Record); err == nil {
				v.erased += erasedBy(r)
			}
			from = e.Index + 1
		}
		if len(page) < pageSize {
			break
		}
	}
	if v.report.Erased > v.erased {
		v.problem(-1, ProblemPersonal, "%d entries have lost their personal values, recorded erasures explain %d", v.report.Erased, v.erased)
	}
	return nil
}

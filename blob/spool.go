// Package blob keeps files on their way in or out: a sealed spool on the disk of
// this server, for an hour.
//
//	Create  stream -> chunks of 64 KiB, each sealed -> up_xxxxxxxxxx.part
//	        -> synced, renamed -> row in the Store: from here on the file exists
//	Open    the person's row -> data key, name, type, digest -> chunks at random
//	Sweep   rows that have expired or lost their file, files that no row names
//
// A file is encrypted as in STREAM (Hoang, Reyhanitabar, Rogaway, Vizár, 2015): AES-256-GCM
// with a key of its own, where the nonce holds the chunk's number and whether it is
// the last one. So chunks cannot be dropped, exchanged or cut off, and one of them
// can be read without the others. The key is drawn for the file, and sealed together
// with its name, type, digest and size in the row; file and row are bound to the id
// and its person. No plaintext touches the disk, and no more than two chunks of a
// file are in memory.
//
// A spool belongs to one process, and its folder to one store: what no row names is
// deleted there.
package blob

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"m365mcp/identity"
)

var (
	// ErrNotFound means that the person has no such file, or no longer.
	ErrNotFound = errors.New("there is no such upload: it has expired, or it is another person's; upload the file again")

	// ErrDamaged means that the stored file is not what was put there.
	ErrDamaged = errors.New("the stored file is damaged; upload it again")

	// ErrTaken means that the id of a new file is in use.
	ErrTaken = errors.New("the id of the file is taken")
)

// LimitError says which limit a file would have exceeded.
type LimitError struct {
	Of  LimitOf
	Max int64 // bytes, or files for LimitFiles
}

// LimitOf names a limit.
type LimitOf string

// The limits.
const (
	LimitEach   LimitOf = "file"   // size of one file
	LimitPerson LimitOf = "person" // bytes of one person
	LimitFiles  LimitOf = "files"  // files of one person
	LimitTotal  LimitOf = "server" // bytes of all
)

func (e *LimitError) Error() string {
	switch e.Of {
	case LimitEach:
		return fmt.Sprintf("the file is larger than the %d MB that are allowed", e.Max/1e6)
	case LimitPerson:
		return fmt.Sprintf("your files here would exceed %d MB; wait until some expire", e.Max/1e6)
	case LimitFiles:
		return fmt.Sprintf("you have %d files here already; wait until some expire", e.Max)
	case LimitTotal:
		return "the server has no room for more files at the moment; try again later"
	}
	return string(e.Of)
}

// Limits bounds what is kept, in bytes of plaintext. Zero values mean the defaults.
type Limits struct {
	Each   int64 // 150 MB
	Person int64 // 600 MB
	Total  int64 // 5 GB
	Files  int   // of one person, since empty files take room too; 200
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Each: cmp.Or(l.Each, 150e6), Person: cmp.Or(l.Person, 600e6), Total: cmp.Or(l.Total, 5e9), Files: cmp.Or(l.Files, 200),
	}
}

// Admit refuses another file of size bytes beside what is there.
func (l Limits) Admit(u Usage, size int64) error {
	switch {
	case size > l.Each:
		return &LimitError{LimitEach, l.Each}
	case u.Person+size > l.Person:
		return &LimitError{LimitPerson, l.Person}
	case u.Files+1 > l.Files:
		return &LimitError{LimitFiles, int64(l.Files)}
	case u.Total+size > l.Total:
		return &LimitError{LimitTotal, l.Total}
	}
	return nil
}

// Keys seals what a row holds; seal.Keyring is one.
type Keys interface {
	Seal(plaintext, aad []byte) ([]byte, error)
	Open(sealed, aad []byte) ([]byte, error)
}

// Options is all that a [Spool] needs.
type Options struct {
	Files  Files // closed with the spool
	Store  Store
	Keys   Keys
	Now    func() time.Time
	Limits Limits
	Life   time.Duration // of a file; zero means one hour
}

// Spool stores files. It is safe for concurrent use. Close it after the last call.
type Spool struct {
	files  Files
	store  Store
	keys   Keys
	now    func() time.Time
	limits Limits
	life   time.Duration

	mu      sync.Mutex
	arrives map[string]*arrival // by id: files without a row yet
}

// arrival is a file on its way in.
type arrival struct {
	owner Person
	size  int64 // so far
}

// New returns a spool over its files and their rows.
func New(o Options) (*Spool, error) {
	if o.Files == nil || o.Store == nil || o.Keys == nil || o.Now == nil {
		return nil, errors.New("blob: Files, Store, Keys and Now are needed")
	}
	return &Spool{
		files: o.Files, store: o.Store, keys: o.Keys, now: o.Now, limits: o.Limits.withDefaults(),
		life: cmp.Or(o.Life, time.Hour), arrives: map[string]*arrival{},
	}, nil
}

// Close releases what holds the files.
func (s *Spool) Close() error { return s.files.Close() }

// MaxSize is the size of the largest file that is taken.
func (s *Spool) MaxSize() int64 { return s.limits.Each }

// Info describes a stored file.
type Info struct {
	ID          string
	Name        string
	ContentType string
	Size        int64
	Digest      string // SHA-256, hexadecimal
	Expires     time.Time
}

// Create stores what r yields as the person's, under an id of [NewID]: [ErrTaken]
// where it is in use. Where it fails, nothing stays behind: a *[LimitError] says that
// there is no room, any other error of r is passed on.
func (s *Spool) Create(ctx context.Context, p identity.Principal, id, name, contentType string, r io.Reader) (Info, error) {
	owner := Person{p.TenantID, p.UserID}
	if !p.IsPerson() {
		return Info{}, errors.New("blob: a file needs a person")
	}
	if !validID(id) {
		return Info{}, fmt.Errorf("blob: %q is no id of a file", id)
	}
	f, err := s.begin(ctx, id, owner)
	if err != nil {
		return Info{}, err
	}
	defer s.forget(id)
	row, info, err := s.fill(ctx, id, owner, f, CleanName(name), cleanType(contentType), r)
	if err == nil {
		err = s.commit(ctx, f, row)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return Info{}, errors.Join(err, s.files.Remove(context.WithoutCancel(ctx), id))
	}
	return info, nil
}

// begin creates the file of an id, if it is free.
func (s *Spool) begin(ctx context.Context, id string, owner Person) (Draft, error) {
	if !s.expect(id, owner) {
		return nil, ErrTaken
	}
	f, err := s.files.Create(ctx, id)
	if err != nil {
		s.forget(id)
	}
	return f, err
}

// expect notes an arrival, before there is a file that a sweep could find.
func (s *Spool) expect(id string, owner Person) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.arrives[id] != nil {
		return false
	}
	s.arrives[id] = &arrival{owner: owner}
	return true
}

func (s *Spool) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.arrives, id)
}

// fill writes the sealed file and makes its row.
func (s *Spool) fill(ctx context.Context, id string, owner Person, f io.Writer, name, contentType string, r io.Reader) (Row, Info, error) {
	stored, err := s.store.Usage(ctx, owner, s.now())
	if err != nil {
		return Row{}, Info{}, fmt.Errorf("spool: %w", err)
	}
	key := newKey()
	w, err := newWriter(f, key, aad(labelChunk, id, owner))
	if err != nil {
		return Row{}, Info{}, err
	}
	admit := func(size int64) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return s.limits.Admit(s.grow(id, stored, size), size)
	}
	size, digest, err := w.copyFrom(r, admit)
	if err != nil {
		return Row{}, Info{}, err
	}
	now := s.now()
	head, err := s.sealHead(head{Key: key, Name: name, ContentType: contentType, Digest: digest, Size: size}, id, owner)
	if err != nil {
		return Row{}, Info{}, err
	}
	row := Row{ID: id, Owner: owner, Size: size, Head: head, ExpiresAt: now.Add(s.life)}
	return row, Info{ID: id, Name: name, ContentType: contentType, Size: size, Digest: digest, Expires: row.ExpiresAt}, nil
}

// grow notes how far a file has come, and returns what else there is: stored, and
// arriving at the same time.
func (s *Spool) grow(id string, stored Usage, size int64) Usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	mine := s.arrives[id]
	mine.size = size
	for other, a := range s.arrives {
		if other == id {
			continue
		}
		stored.Total += a.size
		if a.owner == mine.owner {
			stored.Person += a.size
			stored.Files++
		}
	}
	return stored
}

// commit completes the file and gives it its row, in this order: a row always has a
// file, whenever the power goes.
func (s *Spool) commit(ctx context.Context, f Draft, row Row) error {
	if err := f.Commit(); err != nil {
		return err
	}
	if err := s.store.Insert(ctx, row, s.limits, s.now()); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}

// Forget deletes all files of a person, of whom nothing may be on its way in any
// more. Without its row, which had the key, a file of another machine is noise; the
// sweep there deletes it.
func (s *Spool) Forget(ctx context.Context, owner Person) error {
	ids, err := s.store.DeletePerson(ctx, owner)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return s.files.Remove(ctx, ids...)
}

// Delete deletes the person's file, or returns [ErrNotFound].
func (s *Spool) Delete(ctx context.Context, p identity.Principal, id string) error {
	row, err := s.find(ctx, p, id)
	if err != nil {
		return err
	}
	// The row first: a file without one is swept, a row without a file is a promise.
	if err := s.store.Delete(ctx, []string{row.ID}); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return s.files.Remove(ctx, row.ID)
}

package blob

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"m365mcp/identity"
)

// Blob is an open file of a spool. It is safe for concurrent use until Close.
type Blob struct {
	info Info
	file Content
	aead cipher.AEAD
	aad  []byte

	mu      sync.Mutex
	chunk   int64 // the one in plain, or -1
	plain   []byte
	scratch []byte
}

// Open opens the person's file, or returns [ErrNotFound], or [ErrDamaged].
func (s *Spool) Open(ctx context.Context, p identity.Principal, id string) (*Blob, error) {
	row, err := s.find(ctx, p, id)
	if err != nil {
		return nil, err
	}
	h, err := s.openHead(row)
	if err != nil {
		return nil, err
	}
	aead, err := newAEAD(h.Key)
	if err != nil {
		return nil, err
	}
	f, err := s.files.Open(ctx, row.ID)
	if err != nil { // [ErrNotFound] where it was deleted in between, or lost
		return nil, err
	}
	if f.Size() != sealedSize(h.Size) {
		return nil, errors.Join(ErrDamaged, f.Close())
	}
	return &Blob{
		info: Info{ID: row.ID, Name: h.Name, ContentType: h.ContentType, Size: h.Size, Digest: h.Digest, Expires: row.ExpiresAt},
		file: f, aead: aead, aad: aad(labelChunk, row.ID, row.Owner), chunk: -1,
	}, nil
}

// find takes an id as people and models write it.
func (s *Spool) find(ctx context.Context, p identity.Principal, id string) (Row, error) {
	id = strings.ToLower(strings.TrimSpace(id))
	if !validID(id) || !p.IsPerson() {
		return Row{}, ErrNotFound
	}
	row, err := s.store.Find(ctx, Person{p.TenantID, p.UserID}, id, s.now())
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Row{}, fmt.Errorf("spool: %w", err)
	}
	return row, err
}

// Info describes the file.
func (b *Blob) Info() Info { return b.info }

// Name is the file's name, without folders.
func (b *Blob) Name() string { return b.info.Name }

// ContentType is what the sender called it, which proves nothing.
func (b *Blob) ContentType() string { return b.info.ContentType }

// Size is in bytes.
func (b *Blob) Size() int64 { return b.info.Size }

// Digest is the SHA-256 of the content, hexadecimal.
func (b *Blob) Digest() string { return b.info.Digest }

// Close closes the file; it stays in the spool.
func (b *Blob) Close() error { return b.file.Close() }

// ReadAt implements [io.ReaderAt]. Bytes that are not what was stored are never
// returned: the error is [ErrDamaged].
func (b *Blob) ReadAt(p []byte, offset int64) (read int, err error) {
	if offset < 0 {
		return 0, errors.New("blob: negative offset")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for read < len(p) {
		if offset >= b.info.Size {
			return read, io.EOF
		}
		if err := b.load(offset / chunkSize); err != nil {
			return read, err
		}
		n := copy(p[read:], b.plain[offset%chunkSize:])
		read, offset = read+n, offset+int64(n)
	}
	return read, nil
}

// load makes plain the chunk's.
func (b *Blob) load(chunk int64) error {
	if chunk == b.chunk {
		return nil
	}
	b.chunk = -1
	size := min(chunkSize, b.info.Size-chunk*chunkSize) + tagSize
	if b.scratch == nil {
		b.scratch = make([]byte, min(sealed, b.info.Size+tagSize))
	}
	if _, err := b.file.ReadAt(b.scratch[:size], chunk*sealed); err != nil {
		if errors.Is(err, io.EOF) {
			return ErrDamaged
		}
		return fmt.Errorf("spool: %w", err)
	}
	plain, err := b.aead.Open(b.plain[:0], nonce(chunk, chunk == chunks(b.info.Size)-1), b.scratch[:size], b.aad)
	if err != nil {
		return ErrDamaged
	}
	b.plain, b.chunk = plain, chunk
	return nil
}

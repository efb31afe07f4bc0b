package blob

import (
	"bufio"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

const (
	chunkSize = 64 << 10 // of plaintext
	tagSize   = 16
	sealed    = chunkSize + tagSize
	keySize   = 32
)

func newKey() []byte {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails: crypto/rand ends the program instead
	return key
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("blob: %w", err)
	}
	return cipher.NewGCM(block)
}

// nonce of a chunk: its number, and whether it is the last. It never repeats under
// a key, because a key encrypts one file, once.
func nonce(chunk int64, last bool) []byte {
	n := make([]byte, 12)
	binary.BigEndian.PutUint64(n[3:], uint64(chunk)) //nolint:gosec // never negative
	if last {
		n[11] = 1
	}
	return n
}

// chunks is how many a file of this size has: one at least, so that an empty file
// is authenticated too.
func chunks(size int64) int64 { return max(1, (size+chunkSize-1)/chunkSize) }

// sealedSize is the length on the disk.
func sealedSize(size int64) int64 { return size + chunks(size)*tagSize }

// writer seals one file.
type writer struct {
	out  io.Writer
	aead cipher.AEAD
	aad  []byte
}

func newWriter(out io.Writer, key, aad []byte) (*writer, error) {
	aead, err := newAEAD(key)
	return &writer{out, aead, aad}, err
}

// copyFrom seals all of r and returns its size and SHA-256. It asks admit before
// it writes what makes the file grow to a size.
func (w *writer) copyFrom(r io.Reader, admit func(size int64) error) (size int64, digest string, err error) {
	in := bufio.NewReaderSize(r, chunkSize)
	sum := sha256.New()
	plain, out := make([]byte, chunkSize), make([]byte, 0, sealed)
	for i := int64(0); ; i++ {
		n, last, err := fill(in, plain)
		if err != nil {
			return 0, "", fmt.Errorf("reading the file: %w", err)
		}
		size += int64(n)
		if err := admit(size); err != nil {
			return 0, "", err
		}
		sum.Write(plain[:n])
		out = w.aead.Seal(out[:0], nonce(i, last), plain[:n], w.aad)
		if _, err := w.out.Write(out); err != nil {
			return 0, "", fmt.Errorf("spool: %w", err)
		}
		if last {
			return size, hex.EncodeToString(sum.Sum(nil)), nil
		}
	}
}

// fill reads a chunk, and whether it is the last one. It is not io.ReadFull, whose
// error for a short chunk is also that of a connection which broke off.
func fill(in *bufio.Reader, chunk []byte) (n int, last bool, err error) {
	for n < len(chunk) {
		m, err := in.Read(chunk[n:])
		n += m
		if errors.Is(err, io.EOF) {
			return n, true, nil
		}
		if err != nil {
			return n, false, err
		}
	}
	_, err = in.Peek(1) // a full chunk may be the last one all the same
	if errors.Is(err, io.EOF) {
		return n, true, nil
	}
	return n, false, err
}

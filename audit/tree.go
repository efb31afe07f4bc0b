package audit

import (
	"fmt"
	"maps"

	"golang.org/x/mod/sumdb/tlog"
)

// tree is the right edge of the Merkle tree: all that is needed to append to it
// and to compute its root. It is a [tlog.HashReader] for exactly that.
type tree struct {
	size   int64
	hashes map[int64]tlog.Hash // by stored hash index
}

func newTree() *tree { return &tree{hashes: map[int64]tlog.Hash{}} }

func (t *tree) clone() *tree { return &tree{size: t.size, hashes: maps.Clone(t.hashes)} }

// ReadHashes implements [tlog.HashReader].
func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		h, ok := t.hashes[index]
		if !ok {
			return nil, fmt.Errorf("audit: hash %d is not on the edge of a tree of %d", index, t.size)
		}
		out[i] = h
	}
	return out, nil
}

// append adds a leaf and returns the hashes to store for it, which begin at
// tlog.StoredHashCount of the size before.
func (t *tree) append(leaf tlog.Hash) ([]tlog.Hash, error) {
	added, err := tlog.StoredHashesForRecordHash(t.size, leaf, t)
	if err != nil {
		return nil, fmt.Errorf("audit: append to the tree: %w", err)
	}
	first := tlog.StoredHashCount(t.size)
	for i, h := range added {
		t.hashes[first+int64(i)] = h
	}
	t.size++
	return added, nil
}

func (t *tree) root() (tlog.Hash, error) {
	h, err := tlog.TreeHash(t.size, t)
	if err != nil {
		return tlog.Hash{}, fmt.Errorf("audit: root: %w", err)
	}
	return h, nil
}

// prune forgets the hashes that have left the edge.
func (t *tree) prune() {
	edge := make(map[int64]tlog.Hash, 64)
	for _, index := range edgeIndexes(t.size) {
		edge[index] = t.hashes[index]
	}
	t.hashes = edge
}

// edgeIndexes lists the stored hashes that the root of a tree of this size is made of.
func edgeIndexes(size int64) []int64 {
	var edge []int64
	// tlog keeps the index arithmetic to itself, but tells it to a reader.
	_, _ = tlog.TreeHash(size, tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		edge = indexes
		return make([]tlog.Hash, len(indexes)), nil
	}))
	return edge
}

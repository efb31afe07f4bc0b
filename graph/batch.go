package graph

import (
	"context"
	"errors"
	"slices"
)

// MaxBatch is how many requests one $batch holds
// (https://learn.microsoft.com/graph/json-batching).
const MaxBatch = 20

// BatchResult is what became of one request of a batch: an answer or an error.
type BatchResult struct {
	Response *Response
	Err      error // as Doer.Do returns it
}

// Batch sends requests together, [MaxBatch] at a time, and returns what became
// of each in their order. A failed one does not stop the others. They run in no
// particular order: what depends on another request belongs in a call of its own.
//
// The error is not nil if nothing at all came back; once a part was answered,
// the failure of a later one stands with its requests.
func Batch(ctx context.Context, d Doer, reqs []Request) ([]BatchResult, error) {
	results := make([]BatchResult, 0, len(reqs))
	for part := range slices.Chunk(reqs, MaxBatch) {
		resp, err := d.Do(ctx, Request{Method: Post, Path: Fixed(batchPath), Sub: part})
		if err == nil && len(resp.Sub) != len(part) {
			err = &Error{Kind: KindProtocol, Exchange: resp.Exchange, Err: errors.New("a batch without its answers")}
		}
		if err == nil {
			results = append(results, resp.Sub...)
			continue
		}
		if len(results) == 0 {
			return nil, err
		}
		for _, r := range part {
			x := Exchange{Method: r.Method, Path: r.Path.Template()}
			if ge, ok := errors.AsType[*Error](err); ok {
				x.ID, x.RequestID, x.Status, x.Attempts = ge.ID, ge.RequestID, ge.Status, ge.Attempts
			}
			results = append(results, BatchResult{Err: PartError(r, x, err)})
		}
	}
	return results, nil
}

// PartError is what the failure of a whole batch means for one of its requests,
// r, which was exchange x: nothing is unknown about one that only reads.
func PartError(r Request, x Exchange, err error) error {
	var ge *Error
	if !errors.As(err, &ge) {
		return err
	}
	part := *ge
	part.Exchange = x
	if part.Kind == KindUnknown && r.Safe() {
		part.Kind = KindNetwork
		if part.Status != 0 {
			part.Kind = KindGraph
		}
	}
	return &part
}

package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"m365mcp/graph"
	"m365mcp/identity"
	"m365mcp/timezone"
)

// Source is a file that leaves or is read: a stored upload or a fetched item.
// Close it when the call is done with it; the Runner closes those of a plan.
type Source interface {
	Name() string
	ContentType() string
	Size() int64
	Digest() string // SHA-256 of the content, hexadecimal; of a [Remote] that is not fetched, its version
	io.ReaderAt
	io.Closer
}

// Uploads is the sealed spool of files on their way in or out. What belongs to
// another person is not found. Find's errors are words for the caller.
type Uploads interface {
	Find(ctx context.Context, p identity.Principal, id string) (Source, error)
	Store(ctx context.Context, p identity.Principal, name, contentType string, r io.Reader) (Source, error)
}

// Download is a file that a person may fetch later with a ticket: the read-only
// internal tool that sends it, and its arguments.
type Download struct {
	Tool              string
	Args              json.RawMessage
	Name, ContentType string
	Size              int64
}

// Link is a ticket as a URL.
type Link struct {
	URL      string
	Expires  time.Time
	UploadID string // of an upload: the id that [Uploads] finds the file by, once it is there
}

// Tickets lets bytes out to, and in from, a person who proves to be the one of
// the call, on a page that shows times in the zone.
type Tickets interface {
	Download(ctx context.Context, p identity.Principal, zone timezone.Zone, d Download) (Link, error)
	Upload(ctx context.Context, p identity.Principal, zone timezone.Zone) (Link, error)
}

// Sink takes the bytes of an internal tool; size is -1 where it is not known.
type Sink func(contentType string, size int64) (io.Writer, error)

// Fetch streams the answer of a read into the spool. No byte of it is held in memory.
func (c Call) Fetch(ctx context.Context, r graph.Request, name, contentType string) (Source, error) {
	pr, pw := io.Pipe()
	r.Sink = func(string, int64) (io.Writer, error) { return pw, nil }
	done := make(chan error, 1)
	go func() {
		_, err := c.Graph.Do(ctx, r)
		_ = pw.CloseWithError(err) // nil is the end of the file; never fails
		done <- err
	}()
	source, err := c.Uploads.Store(ctx, c.Principal, name, contentType, pr)
	_ = pr.CloseWithError(err) // if the spool was full, the sender ends; never fails
	if sent := <-done; sent != nil {
		if source != nil {
			err = errors.Join(err, source.Close())
		}
		return nil, errors.Join(sent, err)
	}
	if err != nil {
		return nil, fmt.Errorf("storing a file: %w", err)
	}
	return source, nil
}

package tool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"m365mcp/graph"
)

// Remote describes a file that leaves from where it lies at Microsoft: to the
// person, with a mail, or because somebody gets access to it.
type Remote struct {
	Name, ContentType string
	Size              int64
	Version           string        // which file it is, in which state; stands for its digest in the plan's
	Content           graph.Request // reads its bytes; of no use for a folder
	Opaque            bool          // there is no text in it that could be read, or not all of it
}

// Remote returns the file for a plan. It is fetched, into the spool, when DLP wants
// to read it or the tool does ([Call.Load]), and only then; [Call.Send] sends what
// was read.
func (c Call) Remote(r Remote) Source { return &remote{file: r, call: c} }

type remote struct {
	file    Remote
	call    Call   // of the plan
	fetched Source // nil: not yet, or never
}

var errNotFetched = errors.New("a file that stays at Microsoft is not read")

// Load fetches a file of [Call.Remote] for a plan that needs its bytes; of any other
// they are here.
func (c Call) Load(ctx context.Context, file Source) error {
	if r, ok := file.(*remote); ok {
		return r.fetch(ctx)
	}
	return nil
}

// fetch reads the file into the spool, once.
func (r *remote) fetch(ctx context.Context) error {
	if r.fetched != nil {
		return nil
	}
	file, err := r.call.Fetch(ctx, r.file.Content, r.file.Name, r.file.ContentType)
	if err == nil {
		r.fetched = file
	}
	return err
}

// Name implements Source.
func (r *remote) Name() string { return r.file.Name }

// ContentType implements Source.
func (r *remote) ContentType() string { return r.file.ContentType }

// Size implements Source: as Microsoft says, until it is fetched.
func (r *remote) Size() int64 {
	if r.fetched != nil {
		return r.fetched.Size()
	}
	return r.file.Size
}

// Digest implements Source. The plan's is made of it before DLP has a look.
func (r *remote) Digest() string {
	if r.fetched != nil {
		return r.fetched.Digest()
	}
	return "remote:" + r.file.Version
}

// ReadAt implements io.ReaderAt.
func (r *remote) ReadAt(p []byte, offset int64) (int, error) {
	if r.fetched == nil {
		return 0, errNotFetched
	}
	return r.fetched.ReadAt(p, offset)
}

// Close implements io.Closer.
func (r *remote) Close() error {
	if r.fetched == nil {
		return nil
	}
	return r.fetched.Close()
}

// Send streams a planned file to whoever called this internal tool: the bytes that
// were looked at before the decision, or, if nobody looked, Microsoft's.
func (c Call) Send(ctx context.Context, file Source) error {
	switch {
	case c.sink == nil:
		return errors.New("this tool was called without a place for its bytes")
	case !slices.Contains(c.Plan.Files, file):
		return errors.New("this file is not in the plan")
	}
	if r, ok := file.(*remote); ok && r.fetched == nil {
		request := r.file.Content
		request.Sink = c.sink
		_, err := c.Graph.Do(ctx, request)
		return err
	}
	w, err := c.sink(file.ContentType(), file.Size())
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, io.NewSectionReader(file, 0, file.Size())); err != nil {
		return fmt.Errorf("sending a file: %w", err)
	}
	return nil
}

package tool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"m365mcp/graph"
)

const (
	// chunkSize is a multiple of 320 KiB, which drives want
	// (https://learn.microsoft.com/graph/api/driveitem-createuploadsession), and
	// below the 4 MB that Outlook takes
	// (https://learn.microsoft.com/graph/outlook-large-attachments).
	chunkSize = 10 * 320 << 10

	// maxResumes bounds how often an upload asks where it stands, in a row without progress.
	maxResumes = 3
)

// uploadState is what Graph says of an upload session.
type uploadState struct {
	UploadURL          string   `json:"uploadUrl"`
	NextExpectedRanges []string `json:"nextExpectedRanges"`
}

// Upload opens an upload session with a planned request and sends the file, which
// must be one of the plan's. It takes up where Graph says it stands after a lost
// answer, and returns the answer to the last chunk.
func (c Call) Upload(ctx context.Context, session graph.Request, file Source) (*graph.Response, error) {
	if !slices.Contains(c.Plan.Files, file) || file.Size() == 0 {
		return nil, errors.New("this file is not in the plan, or empty")
	}
	resp, err := c.Graph.Do(ctx, session)
	if err != nil {
		return nil, err
	}
	var state uploadState
	if err := resp.Decode(&state); err != nil {
		return nil, err
	}
	if state.UploadURL == "" {
		return nil, &graph.Error{Kind: graph.KindProtocol, Exchange: resp.Exchange, Err: errors.New("an upload session without a URL")}
	}
	u := upload{do: c.bytes.Do, url: state.UploadURL, file: file}
	last, err := u.send(ctx)
	if err != nil && !u.finished {
		// The half that is there is of no use to anybody; Graph drops it in days otherwise.
		_, _ = u.do(context.WithoutCancel(ctx), graph.Request{Method: graph.Delete, Path: uploadPath, Storage: u.url})
	}
	return last, err
}

// uploadPath stands for a pre-authorized URL in logs and audit: the URL is a credential.
var uploadPath = graph.Fixed("/(upload)")

type upload struct {
	do       func(context.Context, graph.Request) (*graph.Response, error)
	url      string
	file     Source
	finished bool // the last chunk was sent: cancelling is too late
}

func (u *upload) send(ctx context.Context) (*graph.Response, error) {
	size, offset, stalled := u.file.Size(), int64(0), 0
	buffer := make([]byte, chunkSize)
	for {
		n, err := u.file.ReadAt(buffer[:min(int64(len(buffer)), size-offset)], offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("upload at byte %d: %w", offset, err)
		}
		end := offset + int64(n)
		u.finished = end == size
		resp, err := u.do(ctx, graph.Request{
			Method: graph.Put, Path: uploadPath, Storage: u.url, Body: buffer[:n],
			ContentType: "application/octet-stream", Range: fmt.Sprintf("bytes %d-%d/%d", offset, end-1, size),
		})
		switch {
		case err == nil && u.finished:
			return resp, nil
		case err == nil:
			offset, stalled = end, 0
			continue
		case !resumable(err) || stalled == maxResumes:
			return nil, err
		}
		at, stateErr := u.where(ctx, size)
		if stateErr != nil {
			// After the last chunk a session that is gone may mean that the file is there.
			return nil, errors.Join(err, stateErr)
		}
		if at <= offset {
			stalled++
		} else {
			stalled = 0
		}
		offset, u.finished = at, false
	}
}

// resumable reports whether Graph may be asked where the upload stands: nobody
// knows whether the chunk arrived, or it came at a bad time.
func resumable(err error) bool {
	ge, ok := errors.AsType[*graph.Error](err)
	if !ok {
		return false
	}
	lost := ge.Kind == graph.KindUnknown || ge.Kind == graph.KindNetwork
	return lost || ge.Kind == graph.KindGraph && (ge.Status == 416 || ge.Status == 429 || ge.Status >= 500)
}

// where asks for the first byte that Graph still expects.
func (u *upload) where(ctx context.Context, size int64) (int64, error) {
	resp, err := u.do(ctx, graph.Request{Method: graph.Get, Path: uploadPath, Storage: u.url})
	if err != nil {
		return 0, err
	}
	var state uploadState
	if err := resp.Decode(&state); err != nil {
		return 0, err
	}
	if len(state.NextExpectedRanges) == 0 {
		return 0, &graph.Error{Kind: graph.KindProtocol, Exchange: resp.Exchange, Err: errors.New("an upload session that expects nothing")}
	}
	first, _, _ := strings.Cut(state.NextExpectedRanges[0], "-")
	at, err := strconv.ParseInt(first, 10, 64)
	if err != nil || at < 0 || at >= size {
		return 0, &graph.Error{Kind: graph.KindProtocol, Exchange: resp.Exchange, Err: fmt.Errorf("an upload session that expects %.40q", state.NextExpectedRanges[0])}
	}
	return at, nil
}

package worker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync/atomic"
	"time"

	"m365mcp/content/document"
)

// Exit codes of a child, by which its parent knows why it ended.
const (
	ExitMemory = 70 // it used more memory than it may
	ExitOrphan = 71 // its parent has gone
)

// Bounds of a child's memory. RLIMIT_AS is of no use: WebAssembly reserves
// gigabytes of addresses that it never touches.
const (
	softMemory  = 512 << 20 // the collector works harder from here on
	hardMemory  = 768 << 20 // resident; the child ends itself
	plumpMemory = 320 << 20 // resident after a document: a new child is better
)

// Serve is the child: it reads requests from r and writes responses to w until r
// ends. exit ends the process at once, whatever a parser is doing.
func Serve(ctx context.Context, r io.Reader, w io.Writer, exit func(code int)) (err error) {
	debug.SetMemoryLimit(softMemory)
	defer guardMemory(hardMemory, func() { exit(ExitMemory) })()
	s := &server{w: w}
	defer func() { err = errors.Join(err, s.close(ctx)) }()
	if err := writeFrame(w, response{}, nil); err != nil { // hello
		return err
	}

	// Reading goes on during a document: the end of r is the end of the parent.
	requests := make(chan job)
	failed := make(chan error, 1)
	done := make(chan struct{})
	defer close(done)
	go func() {
		buffered := bufio.NewReader(r)
		for {
			header, body, err := readFrame(buffered, func(q request) int64 { return q.Size }, maxInput)
			if err != nil {
				if s.busy.Load() {
					exit(ExitOrphan)
				}
				failed <- err
				return
			}
			s.busy.Store(true)
			select {
			case requests <- job{header, body}:
			case <-done:
				return
			}
		}
	}()
	for {
		select {
		case err := <-failed:
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		case j := <-requests:
			if err := s.answer(ctx, j); err != nil {
				return err
			}
		}
	}
}

// maxInput is the most that any limit allows.
const maxInput = 256 << 20

type job struct {
	request
	body []byte
}

// server reads documents one after the other, with one extractor for as long as
// the requests agree about its limits.
type server struct {
	w         io.Writer
	extractor *document.Extractor
	limits    document.Limits
	busy      atomic.Bool // from a request to its response
}

func (s *server) close(ctx context.Context) error {
	if s.extractor == nil {
		return nil
	}
	return s.extractor.Close(ctx)
}

func (s *server) answer(ctx context.Context, j job) error {
	if s.extractor == nil || s.limits != j.Limits {
		if err := s.close(ctx); err != nil {
			return fmt.Errorf("extractor: %w", err)
		}
		s.extractor, s.limits = document.New(j.Limits, j.Cache), j.Limits
	}
	doc, err := s.extractor.Extract(ctx, j.Name, j.ContentType, j.body)
	answer := response{Notes: doc.Notes, PDFReady: s.extractor.PDFReady(), Size: int64(len(doc.Text))}
	if err != nil {
		answer.Error, answer.Detail = codeOf(err), clip(err.Error(), 500)
	}
	if len(doc.Text) > maxText {
		answer = response{Error: codeOf(document.ErrTooLarge), Detail: document.ErrTooLarge.Error()}
		doc.Text = ""
	}
	for i, note := range answer.Notes {
		answer.Notes[i] = clip(note, 500)
	}
	answer.Retire = residentMemory() > plumpMemory
	s.busy.Store(false)
	return writeFrame(s.w, answer, []byte(doc.Text))
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// guardMemory calls over once when the process has grown above most; the
// function that it returns ends the watch.
func guardMemory(most uint64, over func()) (stop func()) {
	const interval = 25 * time.Millisecond // as long as it takes to touch some 50 MB
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				if residentMemory() > most {
					over()
					return
				}
			}
		}
	}()
	return func() { close(done); <-ended }
}

package worker

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"

	"m365mcp/content/document"
)

// startTime is how long a child may take to say hello.
const startTime = 20 * time.Second

// child is one process. Only the one who has it out of the pool may read with it.
type child struct {
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *bufio.Reader
	ended    chan struct{} // closed when the process has ended
	person   string        // whose documents it reads
	pdfReady bool
	timer    *time.Timer // while it rests
}

// startChild starts a process and waits for its hello. ends counts it until it
// has ended and forget has been called.
func startChild(ctx context.Context, command []string, ends *sync.WaitGroup, forget func(*child)) (*child, error) {
	dir, err := os.MkdirTemp("", "m365-mcp-document-")
	if err != nil {
		return nil, fmt.Errorf("document worker: %w", err)
	}
	c := &child{ended: make(chan struct{})}
	// The process outlives the call that it was started for.
	c.cmd = exec.CommandContext(context.WithoutCancel(ctx), command[0], command[1:]...) //nolint:gosec // our own program
	c.cmd.Dir = dir
	c.cmd.Env = []string{"GOTRACEBACK=none", "TMPDIR=" + dir, "TMP=" + dir}
	c.cmd.SysProcAttr = sysProcAttr()
	in, err := c.cmd.StdinPipe()
	if err == nil {
		c.in = in
		var out io.Reader
		out, err = c.cmd.StdoutPipe()
		c.out = bufio.NewReader(out)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("document worker: %w", err), os.Remove(dir))
	}
	started := make(chan error)
	ends.Go(func() {
		defer forget(c)
		defer close(c.ended)
		// Linux ends the child with the thread that started it, so this one stays.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer func() { _ = os.RemoveAll(dir) }()
		err := c.cmd.Start()
		started <- err
		if err == nil {
			_ = c.cmd.Wait() // ProcessState says it all
		}
	})
	if err := <-started; err != nil {
		return nil, fmt.Errorf("document worker: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	stop := context.AfterFunc(ctx, c.kill)
	_, _, err = readFrame(c.out, func(r response) int64 { return r.Size }, 0)
	if !stop() || err != nil {
		c.end()
		return nil, fmt.Errorf("document worker: it did not start (%s): %w", c.cmd.ProcessState, errors.Join(err, ctx.Err()))
	}
	return c, nil
}

// kill ends the process without waiting for it.
func (c *child) kill() { _ = c.cmd.Process.Kill() }

// end ends the process and waits until it is gone.
func (c *child) end() {
	c.kill()
	<-c.ended
}

func (c *child) hasEnded() bool {
	select {
	case <-c.ended:
		return true
	default:
		return false
	}
}

// read sends one document and waits for its text. A child that was killed, has
// ended or has not kept to the protocol is not reusable.
func (c *child) read(ctx context.Context, deadline time.Duration, q request, content []byte) (doc document.Document, reusable bool, err error) {
	timed, cancel := context.WithTimeoutCause(ctx, deadline, document.ErrTime)
	defer cancel()
	stop := context.AfterFunc(timed, c.kill)
	writeErr := writeFrame(c.in, q, content)
	answer, text, err := readFrame(c.out, func(r response) int64 { return r.Size }, maxText)
	if !stop() {
		c.end()
		if cause := context.Cause(timed); errors.Is(cause, document.ErrTime) {
			return document.Document{}, false, fmt.Errorf("%w: more than %s", document.ErrTime, deadline)
		}
		return document.Document{}, false, ctx.Err()
	}
	if err != nil || writeErr != nil {
		return document.Document{}, false, c.why(errors.Join(err, writeErr))
	}
	c.pdfReady = answer.PDFReady
	if err := answer.err(); err != nil {
		return document.Document{}, !answer.Retire, err
	}
	return document.Document{Text: string(text), Notes: answer.Notes}, !answer.Retire, nil
}

// why explains an answer that did not come by how the process has ended.
func (c *child) why(err error) error {
	c.end()
	state := c.cmd.ProcessState
	if state.ExitCode() == ExitMemory {
		return fmt.Errorf("%w: it takes more than %d MB of memory", document.ErrTooLarge, hardMemory>>20)
	}
	return fmt.Errorf("%w: its parser has ended (%s): %w", document.ErrDamaged, state, err)
}

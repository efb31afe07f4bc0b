// Package worker reads documents in child processes of our own binary.
//
//	Pool.Text (queue, fair to every person) -> child (one person's, started when
//	needed, one document at a time, with a deadline) -> Serve (document.Extract, watching its
//	own memory) -> back over a pipe, in frames that are bounded on both sides
//
// What a child has: the document, an empty environment and an empty folder, two
// pipes, and the folder of compiled code where one is given. A crash, a kill, or
// a document that eats memory or time is an error of that document only.
//
// What this is not: a sandbox. A parser that a document has taken over runs as
// the server's user. It holds no secrets and no connection, but no namespaces or
// system call filters keep it from reading that user's files, from opening
// connections, or from writing to the folder of compiled code. What the same child
// is given next is of the same person. PDF, the most attacked format, is read inside
// of WebAssembly, where it reaches none of this; the other parsers are written in
// Go. Whoever wants more runs the server as a user of its own, in a container whose
// network reaches Microsoft only.
package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"m365mcp/content/document"
	"m365mcp/internal/private"
)

// Subcommand of our binary that calls Serve.
const Subcommand = "document-worker"

// ErrClosed is the error of documents that a pool was closed on.
var ErrClosed = errors.New("the server is stopping; no document is read any more")

// Options of a pool; what is zero counts as its default.
type Options struct {
	Command  []string        // program and arguments of a child; default: this program and Subcommand
	CacheDir string          // for compiled code, made where it is missing; without one, the first PDF of every child takes seconds
	Limits   document.Limits // of every document
	Children int             // at most at once, resting ones included: 2
	Waiting  int             // documents that wait, each of them in memory: 16, at most a quarter of one person
	Deadline time.Duration   // of a document: 20 s
	FirstPDF time.Duration   // of a document for which PDFium may have to be compiled: 60 s
	Idle     time.Duration   // after which a child ends: 2 min
}

// Pool reads documents. It has no children until it is asked.
type Pool struct {
	o Options

	mu       sync.Mutex
	closed   bool
	done     chan struct{} // closed by Close
	active   int
	running  map[string]int // by person
	queue    []*waiter
	idle     []*child // the last one was used last
	children map[*child]bool
	ends     sync.WaitGroup // of children and calls
}

// New makes a pool. It refuses a cache folder in which others could plant code.
func New(o Options) (*Pool, error) {
	if len(o.Command) == 0 {
		self, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("document worker: this program's file: %w", err)
		}
		o.Command = []string{self, Subcommand}
	}
	if o.CacheDir != "" {
		dir, err := cacheFolder(o.CacheDir)
		if err != nil {
			return nil, fmt.Errorf("cache of compiled code: %w", err)
		}
		o.CacheDir = dir
	}
	o.Limits = o.Limits.OrDefault()
	o.Limits.Input = min(o.Limits.Input, maxInput)
	o.Children = orDefault(o.Children, 2)
	o.Waiting = orDefault(o.Waiting, 16)
	o.Deadline = orDefault(o.Deadline, 20*time.Second)
	o.FirstPDF = orDefault(o.FirstPDF, time.Minute)
	o.Idle = orDefault(o.Idle, 2*time.Minute)
	return &Pool{o: o, done: make(chan struct{}), running: make(map[string]int), children: make(map[*child]bool)}, nil
}

func orDefault[N int | time.Duration](n, otherwise N) N {
	if n > 0 {
		return n
	}
	return otherwise
}

// cacheFolder makes the folder. private.File refuses it, unlike private.Folder,
// also where others may only add files.
func cacheFolder(dir string) (string, error) {
	dir, err := filepath.Abs(dir) // a child works elsewhere
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return dir, errors.Join(private.Folder(filepath.Dir(dir)), private.File(dir))
}

// Text reads a document for a person, by whose key the queue is fair and children
// are kept apart. Errors are
// those of package document, ErrClosed, or that of ctx.
func (p *Pool) Text(ctx context.Context, person, name, contentType string, content []byte) (document.Document, error) {
	if int64(len(content)) > p.o.Limits.Input {
		return document.Document{}, fmt.Errorf("%w: more than %d MB", document.ErrTooLarge, p.o.Limits.Input>>20)
	}
	if err := p.acquire(ctx, person); err != nil {
		return document.Document{}, err
	}
	defer p.release(person)
	c, err := p.child(ctx, person)
	if err != nil {
		return document.Document{}, p.closedOr(err)
	}
	deadline := p.o.Deadline
	if !c.pdfReady && document.KindOf(name, contentType, content).MayHavePDF() {
		deadline = p.o.FirstPDF
	}
	doc, reusable, err := c.read(ctx, deadline, request{
		Name: clip(name, 1000), ContentType: clip(contentType, 1000),
		Cache: p.o.CacheDir, Limits: p.o.Limits, Size: int64(len(content)),
	}, content)
	if reusable {
		p.rest(c)
	} else {
		c.end()
	}
	return doc, p.closedOr(err)
}

// closedOr names the reason why everything fails while the pool closes.
func (p *Pool) closedOr(err error) error {
	select {
	case <-p.done:
		if err != nil {
			return fmt.Errorf("%w: %w", ErrClosed, err)
		}
	default:
	}
	return err
}

// child takes the one that rests from this person's last document, or starts one:
// what a document has left behind in a child, no other person's shall meet.
func (p *Pool) child(ctx context.Context, person string) (*child, error) {
	own, others := p.resting(person)
	for _, c := range others {
		c.end()
	}
	if own != nil {
		return own, nil
	}
	c, err := startChild(ctx, p.o.Command, &p.ends, p.forget)
	if err != nil {
		return nil, err
	}
	c.person = person
	p.mu.Lock()
	closed := p.closed
	if !c.hasEnded() { // else it was forgotten before
		p.children[c] = true
	}
	p.mu.Unlock()
	if closed {
		c.end()
		return nil, ErrClosed
	}
	return c, nil
}

// resting takes the person's own child out of the pool. Where there is none, others
// have to make room for it, those first that have rested longest.
func (p *Pool) resting(person string) (own *child, others []*child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, c := range slices.Backward(p.idle) {
		if c.person != person {
			continue
		}
		p.idle = slices.Delete(p.idle, i, i+1)
		if c.timer.Stop() && !c.hasEnded() {
			return c, nil
		}
	}
	if over := len(p.idle) + p.active - p.o.Children; over > 0 {
		others = slices.Clone(p.idle[:over])
		p.idle = slices.Delete(p.idle, 0, over)
	}
	for _, c := range others {
		c.timer.Stop()
	}
	return nil, others
}

func (p *Pool) forget(c *child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.children, c)
}

// rest keeps a child for the next document, or for as long as nobody has one.
func (p *Pool) rest(c *child) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return // Close ends it
	}
	c.timer = time.AfterFunc(p.o.Idle, func() { p.expire(c) })
	p.idle = append(p.idle, c)
}

func (p *Pool) expire(c *child) {
	p.mu.Lock()
	if i := slices.Index(p.idle, c); i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
	p.mu.Unlock()
	c.end()
}

// Close ends every child, and with it every document that is being read.
func (p *Pool) Close() error {
	p.mu.Lock()
	if !p.closed {
		p.closed = true
		close(p.done)
	}
	for _, c := range p.idle {
		c.timer.Stop()
	}
	p.idle = nil
	for c := range p.children {
		c.kill()
	}
	p.mu.Unlock()
	p.ends.Wait()
	return nil
}

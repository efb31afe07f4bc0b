package tooltest

import (
	"bytes"
	"context"
	"io"
	"slices"
	"sync"

	"m365mcp/audit"
)

// ledger keeps the audit's entries in memory. It implements tool.Auditor.
type ledger struct {
	mu       sync.Mutex
	intents  []audit.Intent
	outcomes []audit.Outcome
}

// Intent implements tool.Auditor.
func (l *ledger) Intent(_ context.Context, in audit.Intent) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.intents = append(l.intents, in)
	return nil
}

// Outcome implements tool.Auditor.
func (l *ledger) Outcome(_ context.Context, out audit.Outcome) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outcomes = append(l.outcomes, out)
	return nil
}

// Denied implements tool.Auditor.
func (l *ledger) Denied(_ context.Context, in audit.Intent, out audit.Outcome) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.intents, l.outcomes = append(l.intents, in), append(l.outcomes, out)
	return nil
}

// mark is a place in the ledger.
type mark struct{ intents, outcomes int }

func (l *ledger) mark() mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	return mark{len(l.intents), len(l.outcomes)}
}

func (l *ledger) since(m mark) ([]audit.Intent, []audit.Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.intents[m.intents:]), slices.Clone(l.outcomes[m.outcomes:])
}

// buffer is the sink of an internal tool.
type buffer struct{ bytes.Buffer }

func (b *buffer) open(string, int64) (io.Writer, error) { return &b.Buffer, nil }

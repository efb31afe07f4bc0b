package e2e_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"m365mcp/app"
	"m365mcp/content/document/worker"
	"m365mcp/internal/headless"
)

// demo is a running demo with everything it wrote to its log, at debug level.
type demo struct {
	*app.Demo
	log       *syncBuffer
	transport *http.Transport
	browser   *headless.Browser
	stop      func() // ends it early; safe to call twice
}

// startDemo runs the demo on free ports, in a folder of the test's own.
func startDemo(t *testing.T, o app.DemoOptions) *demo {
	t.Helper()
	log := &syncBuffer{}
	o.Listen = "127.0.0.1:0"
	if o.DataDir == "" {
		o.DataDir = filepath.Join(t.TempDir(), "data")
	}
	o.Logger = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	// The real command: PDFium is too much for a child with the race detector in it.
	o.App.DocumentWorker = []string{build(t), worker.Subcommand}
	running, err := app.StartDemo(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	d := &demo{Demo: running, log: log, transport: transport, browser: headless.New(transport)}
	var once sync.Once
	d.stop = func() {
		once.Do(func() {
			transport.CloseIdleConnections()
			ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 10*time.Second)
			defer cancel()
			if err := running.Stop(ctx); err != nil {
				t.Errorf("stop: %v", err)
			}
		})
	}
	t.Cleanup(func() {
		d.stop()
		if t.Failed() {
			t.Logf("log of the server:\n%s", tail(log.String(), 6000))
		}
	})
	return d
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

// syncBuffer is a buffer that a server may still write to while it is read.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

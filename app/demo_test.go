package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"m365mcp/simulator/dataset"
)

func TestDemoStaysOnLoopback(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{
		":8365", "0.0.0.0:8365", "[::]:8365", "192.0.2.1:8365", "mcp.example.com:8365", "127.0.0.1.example.com:8365",
		"[::ffff:192.0.2.1]:8365", "127.0.0.1", "8365", "",
	} {
		dir := filepath.Join(t.TempDir(), "data")
		_, err := StartDemo(t.Context(), DemoOptions{Listen: addr, DataDir: dir, Logger: slog.New(slog.DiscardHandler)})
		if _, ok := errors.AsType[*UsageError](err); !ok || !strings.Contains(err.Error(), "--listen") || !strings.Contains(err.Error(), "127.0.0.1:") {
			t.Errorf("--listen %q: %v; want a UsageError with the way out", addr, err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("--listen %q made the data folder: %v", addr, err)
		}
		for flag, o := range map[string]SimulatorOptions{
			"--entra": {EntraListen: addr, GraphListen: "127.0.0.1:0"},
			"--graph": {EntraListen: "127.0.0.1:0", GraphListen: addr},
		} {
			o.Logger = slog.New(slog.DiscardHandler)
			_, err := StartSimulator(t.Context(), o)
			if _, ok := errors.AsType[*UsageError](err); !ok || !strings.Contains(err.Error(), flag) {
				t.Errorf("%s %q: %v; want a UsageError", flag, addr, err)
			}
		}
	}
	for _, addr := range []string{"127.0.0.1:0", "127.9.9.9:0", "[::1]:0", "localhost:8365", "[::ffff:127.0.0.1]:0"} {
		if err := loopbackOnly(addr); err != nil {
			t.Errorf("%s: %v", addr, err)
		}
	}
}

func TestPersonNamed(t *testing.T) {
	t.Parallel()
	people := []dataset.Person{{UPN: "bruno@contoso.example"}, {UPN: "ada@contoso.example"}}
	for name, want := range map[string]string{
		"": "", "ada": "ada@contoso.example", "Bruno": "bruno@contoso.example", "ADA@contoso.example": "ada@contoso.example",
	} {
		if got, err := personNamed(people, name); err != nil || got != want {
			t.Errorf("%q is %q, %v; want %q", name, got, err, want)
		}
	}
	for _, name := range []string{"eve", "ad", "ada@fabrikam.example", "@contoso.example"} {
		_, err := personNamed(people, name)
		if _, ok := errors.AsType[*UsageError](err); !ok || !strings.Contains(err.Error(), "choose one of: ada, bruno") {
			t.Errorf("%q: %v; want a UsageError with the choices", name, err)
		}
	}
}

// Cleanups run backwards, and all of them: a store closes after what uses it.
func TestCleanupsRunBackwards(t *testing.T) {
	t.Parallel()
	var order []string
	broken := errors.New("broken")
	var c cleanups
	for _, name := range []string{"store", "audit", "vault"} {
		c.add(func(context.Context) error { order = append(order, name); return broken })
	}
	if err := c.run(t.Context()); !errors.Is(err, broken) || strings.Count(err.Error(), "broken") != 3 {
		t.Errorf("run: %v, want all three errors", err)
	}
	if got := strings.Join(order, " "); got != "vault audit store" {
		t.Errorf("order %q", got)
	}
	if err := c.run(t.Context()); err != nil || len(order) != 3 {
		t.Errorf("ran twice: %v, %v", err, order)
	}
}

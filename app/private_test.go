package app

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"m365mcp/config"
)

// Modes are set by Chmod, which the umask does not touch.
func TestFilesThatOthersMayChangeAreRefused(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no mode bits")
	}
	for name, c := range map[string]struct {
		file string
		mode fs.FileMode
		fix  string // empty: accepted
	}{
		"folder that all may read":     {".", 0o755, ""},
		"database that all may read":   {config.DatabaseFile, 0o644, ""},
		"folder of others":             {".", 0o707, "chmod go-w "},
		"database of others":           {config.DatabaseFile, 0o606, "chmod go-w "},
		"write-ahead log of others":    {config.DatabaseFile + "-wal", 0o602, "chmod go-w "},
		"signing key others may read":  {auditKeyFile, 0o604, "chmod go-rw "},
		"signing key others may write": {auditKeyFile, 0o602, "chmod go-rw "},
		"encryption key all may read":  {encryptionKeyFile, 0o644, "chmod go-rw "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(t.TempDir(), "data")
			start := func() error {
				d, err := StartDemo(t.Context(), DemoOptions{Listen: "127.0.0.1:0", DataDir: folder, Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					return err
				}
				return d.Stop(t.Context())
			}
			if err := start(); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(folder, c.file)
			f, err := os.OpenFile(path, os.O_CREATE|os.O_RDONLY, 0o600)
			if c.file != "." {
				if err = errors.Join(err, f.Close()); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			err = start()
			if c.fix == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if _, ok := errors.AsType[*UsageError](err); !ok || !strings.Contains(err.Error(), c.fix) || !strings.Contains(err.Error(), filepath.Clean(path)) {
				t.Errorf("got %v, want a UsageError with %q and %s", err, c.fix, path)
			}
			if c.file == encryptionKeyFile {
				return // the demo's own: a server of its own configuration has no such file
			}
			cfg := config.Default()
			cfg.Database.URL = config.SQLiteURL(folder)
			found := false
			Check(t.Context(), cfg, func(r CheckResult) {
				found = found || !r.OK && strings.HasPrefix(r.Fix, c.fix) && strings.Contains(r.Detail, "other users may")
			})
			if !found {
				t.Errorf("check does not say %q", c.fix)
			}
		})
	}
}

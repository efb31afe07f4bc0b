package sqlite_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"m365mcp/internal/private"
	"m365mcp/store/sqlite"
)

func TestOpenRefusesWhatOthersMayWrite(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no mode bits")
	}
	for name, c := range map[string]struct {
		file    string // beside or instead of the database
		mode    fs.FileMode
		refused bool
	}{
		"own folder":         {".", 0o700, false},
		"readable folder":    {".", 0o755, false},
		"sticky folder":      {".", 0o777 | fs.ModeSticky, false},
		"folder of all":      {".", 0o777, true},
		"database of others": {"test.db", 0o602, true},
		"database of all":    {"test.db", 0o606, true},
		"log of all":         {"test.db-wal", 0o666, true},
		"index of all":       {"test.db-shm", 0o666, true},
		"journal of all":     {"test.db-journal", 0o666, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(t.TempDir(), "data")
			if err := os.Mkdir(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(folder, c.file)
			if c.file != "." {
				if err := os.WriteFile(path, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(path, c.mode); err != nil { // the umask does not touch it
				t.Fatal(err)
			}
			db, err := sqlite.Open(t.Context(), filepath.Join(folder, "test.db"))
			if err == nil {
				err = db.Close()
			}
			if open, ok := errors.AsType[*private.Error](err); ok != c.refused || ok && open.Path != path {
				t.Errorf("Open: %v, want it refused: %v", err, c.refused)
			}
			if !c.refused && err != nil {
				t.Error(err)
			}
		})
	}
}

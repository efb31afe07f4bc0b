package app

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// ownFolder is one that nobody else may write, whatever the umask.
func ownFolder(t *testing.T) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	return folder
}

func TestKeyFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(ownFolder(t), "test.key")
	made := 0
	generate := func() (string, error) { made++; return "first", nil }
	for range 2 {
		if got, err := keyFile(path, generate); err != nil || got != "first" {
			t.Fatalf("keyFile: %q, %v", got, err)
		}
	}
	if made != 1 {
		t.Errorf("made %d keys, want one that is read again", made)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode %o, want 600", got)
	}
}

// The other of two servers that start at once has written its key in between.
func TestKeyFileIsExclusive(t *testing.T) {
	t.Parallel()
	path := filepath.Join(ownFolder(t), "test.key")
	got, err := keyFile(path, func() (string, error) {
		return "second", os.WriteFile(path, []byte("first\n"), 0o600)
	})
	if !errors.Is(err, fs.ErrExist) || got != "" {
		t.Errorf("keyFile: %q, %v; want %v", got, err, fs.ErrExist)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "first\n" {
		t.Errorf("the first key became %q, %v", b, err)
	}
}

func TestKeyFileFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("no entropy")
	path := filepath.Join(ownFolder(t), "test.key")
	if _, err := keyFile(path, func() (string, error) { return "", broken }); !errors.Is(err, broken) {
		t.Errorf("generate: %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("left a file behind: %v", err)
	}
	if _, err := keyFile(ownFolder(t), func() (string, error) { return "key", nil }); err == nil {
		t.Error("read a folder as a key")
	}
}

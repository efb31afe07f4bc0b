package private_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"m365mcp/internal/private"
)

func TestModes(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("no mode bits")
	}
	for _, c := range []struct {
		name   string
		check  func(string) error
		folder bool
		mode   fs.FileMode
		fix    string // empty: accepted
	}{
		{"own folder", private.Folder, true, 0o700, ""},
		{"folder that all may read", private.Folder, true, 0o755, ""},
		{"sticky folder", private.Folder, true, 0o777 | fs.ModeSticky, ""},
		{"folder of one's own group", ownGroupOnly(private.Folder), true, 0o770, ""},
		{"folder of the group", private.Folder, true, 0o770, "chmod go-w"},
		{"folder of others", private.Folder, true, 0o702, "chmod go-w"},
		{"folder with setgid", private.Folder, true, 0o770 | fs.ModeSetgid, "chmod go-w"},
		{"own file", private.File, false, 0o600, ""},
		{"file that all may read", private.File, false, 0o644, ""},
		{"file of the group", private.File, false, 0o620, "chmod go-w"},
		{"file of others", private.File, false, 0o602, "chmod go-w"},
		{"own secret", private.Secret, false, 0o600, ""},
		{"read-only secret", private.Secret, false, 0o400, ""},
		{"secret that the group may read", private.Secret, false, 0o640, "chmod go-rw"},
		{"secret that others may read", private.Secret, false, 0o604, "chmod go-rw"},
		{"secret that the group may write", private.Secret, false, 0o620, "chmod go-rw"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "a name")
			var err error
			if c.folder {
				err = os.Mkdir(path, 0o700)
			} else {
				err = os.WriteFile(path, nil, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			// A group of another number: only root can give a file to any; where nobody can, the
			// group is the owner's own, and what it may do is no matter.
			foreign := os.Chown(path, -1, os.Getuid()+1) == nil || os.Getgid() != os.Getuid()
			if err := os.Chmod(path, c.mode); err != nil { // chown clears setgid
				t.Fatal(err)
			}
			err = c.check(path)
			if c.fix == "" || (!foreign && c.mode&0o007 == 0) {
				if err != nil {
					t.Error(err)
				}
				return
			}
			refusal, ok := errors.AsType[*private.Error](err)
			if !ok || refusal.Path != path || !strings.HasPrefix(refusal.Fix, c.fix+` "`+path+`"`) || !strings.Contains(err.Error(), refusal.Fix) {
				t.Errorf("got %v, want the fix %q", err, c.fix)
			}
		})
	}
}

// ownGroupOnly gives the file back to the group that has its owner's number first.
func ownGroupOnly(check func(string) error) func(string) error {
	return func(path string) error {
		if given := os.Chown(path, -1, os.Getuid()) == nil; given { // by root, or a member of that group
			return check(path)
		}
		return nil
	}
}

func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing")
	for name, check := range map[string]func(string) error{"folder": private.Folder, "file": private.File, "secret": private.Secret} {
		if err := check(missing); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := check(missing + "\x00"); err == nil {
			t.Errorf("%s: a name that cannot be looked at was accepted", name)
		}
	}
}

// Package private refuses folders and files that other users of the machine
// could change, or read where they hold a secret. Only the mode bits of Unix
// count; Windows has none, and there everything passes.
package private

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
)

// Error is a folder or file with a mode too open.
type Error struct {
	Path string
	Mode fs.FileMode
	What string // what others can do
	Fix  string // the command that mends it
}

func (e *Error) Error() string { return e.Problem() + "; run: " + e.Fix }

// Problem is the error without the fix.
func (e *Error) Problem() string {
	return fmt.Sprintf("%s: %s (mode %04o)", e.Path, e.What, e.Mode.Perm())
}

const (
	othersWrite = 0o022 // group and others
	othersRead  = 0o044
)

// Folder refuses a folder in which others can replace files. In a sticky one,
// such as /tmp, they can replace their own only.
func Folder(path string) error {
	info, err := stat(path)
	if info == nil || info.Mode()&fs.ModeSticky != 0 || exposed(info)&othersWrite == 0 {
		return err
	}
	return &Error{path, info.Mode(), "other users may change what is in this folder", fix("go-w", path)}
}

// File refuses a file that others can write. One that does not exist is fine.
func File(path string) error {
	info, err := stat(path)
	if info == nil || exposed(info)&othersWrite == 0 {
		return err
	}
	return &Error{path, info.Mode(), "other users may write this file", fix("go-w", path)}
}

// Secret refuses a file that others can read or write. One that does not exist is fine.
func Secret(path string) error {
	info, err := stat(path)
	if info == nil || exposed(info)&(othersRead|othersWrite) == 0 {
		return err
	}
	return &Error{path, info.Mode(), "other users may read or write this secret", fix("go-rw", path) + ", and replace it if they could read it"}
}

// exposed is the mode as far as it is about other users.
func exposed(info fs.FileInfo) fs.FileMode {
	const group = 0o070
	if ownGroup(info) {
		return info.Mode() &^ group
	}
	return info.Mode()
}

// stat returns nil for what does not exist, and where modes say nothing.
func stat(path string) (fs.FileInfo, error) {
	if runtime.GOOS == "windows" {
		return nil, nil
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return info, err
}

func fix(change, path string) string { return fmt.Sprintf("chmod %s %q", change, path) }

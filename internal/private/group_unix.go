//go:build unix

package private

import (
	"io/fs"
	"syscall"
)

// ownGroup reports whether the group is the owner's own: a user private group.
func ownGroup(info fs.FileInfo) bool {
	s, ok := info.Sys().(*syscall.Stat_t)
	return ok && s.Gid == s.Uid
}

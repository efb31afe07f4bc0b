//go:build !unix

package worker

import "syscall"

// sysProcAttr: that its parent has gone the child learns from the end of its input.
func sysProcAttr() *syscall.SysProcAttr { return nil }

//go:build unix && !linux

package worker

import "syscall"

// sysProcAttr keeps the child out of the terminal's interrupts. That its parent
// has gone it learns from the end of its input.
func sysProcAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

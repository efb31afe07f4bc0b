package worker

import "syscall"

// sysProcAttr ends the child when the thread that started it ends, keeps it out
// of the terminal's interrupts, and so leaves its end to the parent.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

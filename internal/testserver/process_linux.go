package testserver

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel kill the server when the test is: a test that
// runs into its time limit gets no clean-up.
func dieWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

//go:build !linux

package testserver

import "os/exec"

// dieWithParent exists on Linux only; elsewhere a test that runs into its time
// limit leaves its servers behind.
func dieWithParent(*exec.Cmd) {}

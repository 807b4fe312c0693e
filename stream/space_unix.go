//go:build unix

package stream

import "syscall"

// freeSpace returns how many bytes this account may still write where dir is.
func freeSpace(dir string) (int64, error) {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil {
		return 0, err
	}
	return int64(uint64(fs.Bavail) * uint64(fs.Bsize)), nil //nolint:unconvert // their types differ from system to system
}

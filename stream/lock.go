package stream

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// ErrLocked means that another process owns the data folder.
var ErrLocked = errors.New("is in use by another process")

// folderLock is the ownership of a data folder. The kernel lets go of it when
// the process ends, however it ends; the file itself stays.
type folderLock struct{ file *os.File }

// lockFolder makes this process the owner of dir.
func lockFolder(dir string) (*folderLock, error) {
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("data folder %s: %w", dir, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		if errors.Is(err, syscall.EWOULDBLOCK) {
			err = fmt.Errorf("data folder %s %w: %s is held by process %s", dir, ErrLocked, path, holder(f))
		} else {
			err = fmt.Errorf("data folder %s: lock: %w", dir, err)
		}
		return nil, errors.Join(err, f.Close())
	}
	if err := writeHolder(f); err != nil {
		return nil, errors.Join(fmt.Errorf("data folder %s: lock: %w", dir, err), f.Close())
	}
	return &folderLock{file: f}, nil
}

// release gives the folder up.
func (l *folderLock) release() error { return l.file.Close() }

func writeHolder(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

// holder reads the id of the process that holds the lock.
func holder(f *os.File) string {
	b := make([]byte, 20)
	n, _ := f.ReadAt(b, 0) // at the end of the file an error is no news
	pid := strings.TrimSpace(string(b[:n]))
	if _, err := strconv.Atoi(pid); err != nil {
		return "unknown"
	}
	return pid
}

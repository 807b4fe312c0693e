//go:build !linux

package judge_test

import "time"

// cpuTime is not known here: it is less each time.
func cpuTime() time.Duration { return 0 }

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain puts the program on the PATH of tests and scripts: the test binary
// itself, by another name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sidedoor": main})
}

// The scripts are the command line's specification.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           filepath.Join("testdata", "script"),
		UpdateScripts: os.Getenv("SIDEDOOR_UPDATE_GOLDEN") != "",
	})
}

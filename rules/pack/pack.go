// Package pack is the built-in policy: rules, controls and an estate to start
// from, as YAML in the folder policy.
package pack

import (
	"embed"
	"io/fs"
)

//go:embed policy
var files embed.FS

// FS returns the folder of the built-in policy.
func FS() fs.FS {
	sub, err := fs.Sub(files, "policy")
	if err != nil {
		panic(err) // the folder is compiled in
	}
	return sub
}

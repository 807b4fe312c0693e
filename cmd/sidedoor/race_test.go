//go:build race

package main

// slower says that the race detector makes everything several times as slow.
const slower = true

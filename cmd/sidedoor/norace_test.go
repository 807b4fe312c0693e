//go:build !race

package main

const slower = false

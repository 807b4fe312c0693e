// Package layers holds the architecture to its word: its test reads the
// imports of every package and compares them with the table of rooms. It
// contains no other code.
package layers

// Package console is the room of the web console and the HTTP API, with the
// query store behind both: a projection of RECORDS that can be thrown away and
// built again. Nothing is decided here: commands of people go to package
// review, and the command line shows what the console will.
package console

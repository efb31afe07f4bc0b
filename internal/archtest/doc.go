// Package archtest holds the tree against the architecture, where the linters
// cannot: which package may import which, who may make an HTTP client, how long
// a file may be. It has tests only.
package archtest

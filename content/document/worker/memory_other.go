//go:build !linux

package worker

// residentMemory is what Go knows of. WebAssembly has its own limit.
func residentMemory() uint64 { return goMemory() }

package worker

import (
	"bytes"
	"os"
	"strconv"
)

// residentMemory is what the kernel counts, WebAssembly's memory included.
func residentMemory() uint64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return goMemory()
	}
	fields := bytes.Fields(statm)
	if len(fields) < 2 {
		return goMemory()
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 64)
	if err != nil {
		return goMemory()
	}
	return pages * uint64(os.Getpagesize()) //nolint:gosec // a page's size is positive
}

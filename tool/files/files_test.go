package files_test

import (
	"slices"
	"testing"

	"m365mcp/tool/files"
	"m365mcp/tool/tooltest"
)

func newSuite(t *testing.T) tooltest.Suite {
	t.Helper()
	s := newServices(t)
	return tooltest.Suite{
		Tools: files.Tools(), Setup: s.setup, Cases: slices.Concat(readCases(), writeCases(s), siteCases()),
	}
}

func TestTools(t *testing.T)   { t.Parallel(); tooltest.RunSuite(t, newSuite(t)) }
func TestMutants(t *testing.T) { t.Parallel(); tooltest.RunMutants(t, newSuite(t)) }

package mail_test

import (
	"slices"
	"testing"

	"m365mcp/tool/mail"
	"m365mcp/tool/tooltest"
)

var suite = tooltest.Suite{
	Tools: mail.Tools(), Setup: services, Cases: slices.Concat(readCases, sendCases, draftCases, changeCases),
}

func TestTools(t *testing.T)   { t.Parallel(); tooltest.RunSuite(t, suite) }
func TestMutants(t *testing.T) { t.Parallel(); tooltest.RunMutants(t, suite) }

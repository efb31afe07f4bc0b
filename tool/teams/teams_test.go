package teams_test

import (
	"slices"
	"testing"

	"m365mcp/tool"
	"m365mcp/tool/teams"
	"m365mcp/tool/tooltest"
)

var suite = tooltest.Suite{Tools: teams.Tools(), Cases: cases()}

// cases are all of them; one about an argument is about invalid_arguments.
func cases() []tooltest.Case {
	all := slices.Concat(reading, writing, meetings)
	for i, c := range all {
		if c.Field != "" {
			all[i].Err = tool.CodeInvalidArguments
		}
	}
	return all
}

func TestTools(t *testing.T)   { t.Parallel(); tooltest.RunSuite(t, suite) }
func TestMutants(t *testing.T) { t.Parallel(); tooltest.RunMutants(t, suite) }

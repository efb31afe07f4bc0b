package tool_test

import (
	"strings"
	"testing"

	"m365mcp/tool"
)

func TestCheckAddresses(t *testing.T) {
	t.Parallel()
	if err := tool.CheckAddresses("to", "ada@tideline.example", "o'neil+x@sub.example.com"); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{
		"", "ada", "Ada <ada@example.com>", "<ada@example.com>", "ada@example.com, eve@example.com", "ada@example.com\r\nBcc: eve@example.com",
		" ada@example.com", "ada@exa\u200bmple.com", "ada@example.com\u202e", "ada\u0301@example.com", strings.Repeat("a", 320) + "@example.com",
	} {
		if err := tool.CheckAddresses("to", "ada@tideline.example", bad); code(err) != tool.CodeInvalidArguments {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

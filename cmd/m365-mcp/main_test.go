package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"m365mcp/internal/golden"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"m365-mcp": main})
}

func TestHelpIsGolden(t *testing.T) {
	for _, line := range []string{
		"", "demo", "serve", "check", "connect", "audit", "audit tail", "audit verify",
		"config", "config example", "keys", "keys generate", "keys status", "keys rotate", "keys forget", "revoke", "simulator", "version",
	} {
		t.Run(line, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "m365-mcp", append(strings.Fields(line), "--help")...)
			cmd.Env = append(os.Environ(), "COLUMNS=80")
			got, err := cmd.Output()
			if err != nil {
				t.Fatal(err)
			}
			name := strings.ReplaceAll(strings.TrimSpace("m365-mcp "+line), " ", "-")
			golden.Compare(t, filepath.Join("testdata", "help", name+".txt"), got)
		})
	}
}

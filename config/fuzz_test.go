package config_test

import (
	"errors"
	"strings"
	"testing"

	"m365mcp/config"
)

// FuzzFile feeds any text as the configuration file: no panic, an error of the
// right type that says where, and no secret of the environment in it.
func FuzzFile(f *testing.F) {
	f.Add(string(config.Example()))
	f.Add("server:\n  listen: 127.0.0.1:1\n")
	f.Add("server: [\n")
	f.Add("a: &x\n  b: *x\n")
	f.Add("? [a, b]\n: c\n")
	f.Add("mcp:\n  allowed_origins:\n  - https://a.example\n  - !!str |\n    b\n")
	f.Add("oauth:\n  clients:\n  - {id: a, name: A, redirect_uris: [https://a.example/]}\n  - [b]\n")
	f.Add("---\n...\n---\n<<: {}\n")
	f.Fuzz(func(t *testing.T, text string) {
		_, err := config.Load("c.yaml", complete(), files{"c.yaml": text}.read)
		if err == nil {
			return
		}
		problems, ok := errors.AsType[config.Errors](err)
		if !ok || len(problems) == 0 {
			t.Fatalf("error is %T", err)
		}
		for _, p := range problems {
			if p.Where == "" || p.What == "" {
				t.Errorf("a problem without place or text: %+v", p)
			}
		}
		if strings.Contains(err.Error(), "a-client-secret") {
			t.Error("a secret is shown")
		}
	})
}

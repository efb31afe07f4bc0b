package secret_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"m365mcp/internal/secret"
)

func TestStringNeverPrints(t *testing.T) {
	t.Parallel()
	const canary = "canary-7f3a"
	type holder struct {
		S secret.String  `json:"s"`
		P *secret.String `json:"p"`
	}
	s := secret.New(canary)
	h := holder{S: s, P: &s}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		fmt.Fprintf(&out, verb, s)
		fmt.Fprintf(&out, verb, &s)
		fmt.Fprintf(&out, verb, h)
		fmt.Fprintf(&out, verb, []secret.String{s})
	}
	enc, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(enc)
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(handler).Info("m", "s", s, "h", h)
	}
	if strings.Contains(out.String(), canary) || strings.Contains(out.String(), fmt.Sprintf("%x", canary)) {
		t.Fatalf("the secret was printed:\n%s", out.String())
	}
	if got := s.Reveal(); got != canary {
		t.Errorf("Reveal() = %q", got)
	}
	if !s.Equal(canary) || s.Equal(canary+"x") {
		t.Error("Equal is wrong")
	}
}

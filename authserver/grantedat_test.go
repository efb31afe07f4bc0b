package authserver_test

import (
	"errors"
	"testing"
	"time"

	"m365mcp/authserver"
)

// TestGrantedAt: it is when the person agreed, whenever that is asked.
func TestGrantedAt(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	granted := h.clock.now()
	_, access, _ := h.connect(t)
	p, err := h.auth.Verify(t.Context(), access)
	if err != nil {
		t.Fatal(err)
	}
	h.clock.advance(time.Minute)
	if at, err := h.auth.GrantedAt(t.Context(), p.GrantID); err != nil || !at.Equal(granted.Truncate(time.Millisecond)) {
		t.Errorf("GrantedAt = %s, %v; want %s", at, err, granted)
	}
	if _, err := h.auth.GrantedAt(t.Context(), "unknown"); !errors.Is(err, authserver.ErrNotFound) {
		t.Errorf("unknown grant: %v", err)
	}
}

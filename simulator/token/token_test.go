package token_test

import (
	"testing"

	"m365mcp/simulator/token"
)

func TestHasAny(t *testing.T) {
	t.Parallel()
	claims := token.Claims{Scopes: []string{"User.Read", "Mail.Read"}}
	if !claims.HasAny("Mail.ReadWrite", "Mail.Read") {
		t.Error("Mail.Read not found among the scopes")
	}
	if claims.HasAny("Mail", "mail.read") || claims.HasAny() {
		t.Error("a scope matched that is not on the token; scopes are compared whole and case-sensitively")
	}
}

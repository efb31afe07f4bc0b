package app

import (
	"errors"
	"fmt"
	"net/http"

	"m365mcp/authserver"
	"m365mcp/config"
	"m365mcp/identity"
	"m365mcp/mcpserver"
)

// ownResources are the doors beside /mcp that have tokens of their own. A client of
// /sse refuses metadata of another resource; one of /ws brings its token along.
func ownResources(c config.MCP) []string {
	if !c.SSE {
		return nil
	}
	return []string{mcpserver.SSEPath}
}

// reverify says in the words of mcpserver that a token is good no longer.
func (a *App) reverify(r *http.Request) (identity.Principal, error) {
	p, err := a.auth.Reverify(r)
	if errors.Is(err, authserver.ErrInvalidToken) {
		return p, fmt.Errorf("%w: %w", mcpserver.ErrEnded, err)
	}
	return p, err
}

// strangers bounds those without a token, where they may look.
func (a *App) strangers() func(http.Handler) http.Handler {
	if !a.config.MCP.PublicDiscovery {
		return nil
	}
	return a.auth.Strangers
}

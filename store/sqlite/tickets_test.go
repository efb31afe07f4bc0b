package sqlite

import (
	"testing"

	"m365mcp/store/storetest"
	"m365mcp/ticket"
)

func TestTickets(t *testing.T) {
	t.Parallel()
	storetest.Tickets(t, func(t *testing.T) ticket.Store { return openOAuth(t).Tickets() })
}

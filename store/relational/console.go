package relational

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"m365mcp/authserver"
	"m365mcp/console"
)

// Console returns the store of the page of connections.
func (s Stores) Console() console.Store { return connections{s.engine} }

type connections struct{ Engine }

// grantUsable is what can be used at a moment, which is there twice.
const grantUsable = `g.revoked_at IS NULL AND g.expires_at > ? AND (g.ends_at IS NULL OR g.ends_at > ?) AND NOT ` + grantKilled

func (s connections) Connections(ctx context.Context, who authserver.UserRef, now time.Time, most int) ([]console.Connection, error) {
	rows, err := s.Query(ctx, `
		SELECT c.source, c.name, c.redirect_uris, `+grantColumns+`
		FROM oauth_grants g JOIN oauth_clients c ON c.id = g.client_id
		WHERE g.tenant_id = ? AND g.user_id = ? AND `+grantUsable+`
		ORDER BY g.last_used_at DESC, g.id LIMIT ?`, who.TenantID, who.UserID, millis(now), millis(now), most)
	if err != nil {
		return nil, fmt.Errorf("connections: %w", err)
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	var list []console.Connection
	for rows.Next() {
		var row grantRow
		var client authserver.Client
		var uris string
		if err := rows.Scan(append([]any{&client.Source, &client.Name, &uris}, row.fields()...)...); err != nil {
			return nil, fmt.Errorf("connections: %w", err)
		}
		if err := json.Unmarshal([]byte(uris), &client.RedirectURIs); err != nil {
			return nil, fmt.Errorf("connections: redirect URIs: %w", err)
		}
		client.ID = row.grant.ClientID
		list = append(list, console.Connection{Grant: row.value(), Client: client})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("connections: %w", err)
	}
	return list, nil
}

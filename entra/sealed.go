package entra

import "m365mcp/internal/seal"

// AccessContext is what the grant's access token is sealed for in the vault.
func AccessContext(grantID string) []byte { return tokenContext(grantID, columnAccess) }

// RefreshContext is what the grant's refresh token is sealed for in the vault.
func RefreshContext(grantID string) []byte { return tokenContext(grantID, columnRefresh) }

func tokenContext(grantID, column string) []byte { return seal.AAD("vault", grantID, column) }

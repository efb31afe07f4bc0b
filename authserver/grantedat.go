package authserver

import (
	"context"
	"fmt"
	"time"
)

// GrantedAt returns when the person agreed to the grant, or [ErrNotFound].
func (s *Server) GrantedAt(ctx context.Context, grantID string) (time.Time, error) {
	grant, err := s.store.Grant(ctx, grantID)
	if err != nil {
		return time.Time{}, fmt.Errorf("granted at: %w", err)
	}
	return grant.CreatedAt, nil
}

package app

import (
	"testing"
	"time"

	"m365mcp/identity"
)

func TestSignInIsDemandedOnceInAWhile(t *testing.T) {
	t.Parallel()
	start := time.Now()
	now := start
	s := &signIns{now: func() time.Time { return now }}
	ada := identity.Principal{TenantID: "t", UserID: "ada", ClientID: "c"}
	other, eve := ada, ada
	other.ClientID, eve.UserID = "d", "eve"
	for _, step := range []struct {
		name    string
		after   time.Duration // since the start
		who     identity.Principal
		granted time.Duration
		want    bool
	}{
		{"the first", time.Hour, ada, 0, true},
		{"a call beside it", time.Hour, ada, 0, true},
		{"an older grant of the same client", time.Hour + time.Minute, ada, time.Minute, true},
		{"the outcome", time.Hour + 3*time.Minute, ada, time.Hour + 2*time.Minute, false},
		{"and again", time.Hour + 4*time.Minute, ada, time.Hour + 2*time.Minute, false},
		{"another client", time.Hour + 4*time.Minute, other, time.Hour + 2*time.Minute, true},
		{"another person", time.Hour + 4*time.Minute, eve, time.Hour + 2*time.Minute, true},
		{"ten minutes later", time.Hour + 11*time.Minute, ada, time.Hour + 2*time.Minute, true},
	} {
		now = start.Add(step.after)
		if got := s.demand(step.who, start.Add(step.granted)); got != step.want {
			t.Errorf("%s: %v", step.name, got)
		}
	}
	now = now.Add(time.Hour)
	s.demand(eve, now)
	if len(s.demanded) != 1 {
		t.Errorf("%d are remembered", len(s.demanded))
	}
}

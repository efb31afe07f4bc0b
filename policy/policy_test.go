package policy_test

import (
	"testing"

	"m365mcp/policy"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	always := func(policy.Request) bool { return true }
	writes := func(r policy.Request) bool { return r.Action.Write }
	permit := policy.Rule{ID: "p", Effect: policy.Permit, When: always}
	ask := policy.Rule{ID: "a", Effect: policy.RequireApproval, When: writes}
	forbid := policy.Rule{ID: "f", Effect: policy.Forbid, When: writes}
	read, write := policy.Request{}, policy.Request{Action: policy.Action{Write: true}}
	for name, tc := range map[string]struct {
		set  policy.Set
		ask  policy.Request
		want policy.Effect
		rule string
	}{
		"zero value forbids":              {policy.Set{}, read, policy.Forbid, "default"},
		"no match forbids":                {policy.New(ask), read, policy.Forbid, "default"},
		"permit":                          {policy.New(permit, ask, forbid), read, policy.Permit, "p"},
		"approval before permit":          {policy.New(permit, ask), write, policy.RequireApproval, "a"},
		"forbid before all, in any order": {policy.New(forbid, ask, permit), write, policy.Forbid, "f"},
		"forbid before all, last":         {policy.New(permit, ask, forbid), write, policy.Forbid, "f"},
		"permit all":                      {policy.PermitAll(), write, policy.Permit, "permit-all"},
	} {
		if got := tc.set.Decide(tc.ask); got.Effect != tc.want || got.Rule != tc.rule {
			t.Errorf("%s: %+v, want %v by %q", name, got, tc.want, tc.rule)
		}
	}
}

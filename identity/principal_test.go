package identity_test

import (
	"testing"

	"m365mcp/identity"
)

func TestWhoIsAPerson(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		p      identity.Principal
		person bool
		key    string
	}{
		"a person":                    {identity.Principal{TenantID: "t", UserID: "u"}, true, "t/u"},
		"nobody":                      {identity.Principal{}, false, "/"},
		"no tenant":                   {identity.Principal{UserID: "u"}, false, "/u"},
		"no user":                     {identity.Principal{TenantID: "t"}, false, "t/"},
		"a service":                   {identity.Principal{Service: "build"}, false, "service/build"},
		"a service that names people": {identity.Principal{TenantID: "t", UserID: "u", Service: "build"}, false, "service/build"},
	} {
		if got := c.p.IsPerson(); got != c.person {
			t.Errorf("%s: a person: %v", name, got)
		}
		if got := c.p.UserKey(); got != c.key {
			t.Errorf("%s: key %s, want %s", name, got, c.key)
		}
	}
	if own := (identity.Principal{GrantID: "g"}).SignIn(); own != "g" {
		t.Errorf("sign-in %s", own)
	}
	if other := (identity.Principal{GrantID: "g", RestsOn: "h"}).SignIn(); other != "h" {
		t.Errorf("sign-in %s", other)
	}
}

package identity

import "testing"

func TestWhoIsAPerson(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		p      Principal
		person bool
		key    string
	}{
		"a person":                    {Principal{TenantID: "t", UserID: "u"}, true, "t/u"},
		"nobody":                      {Principal{}, false, "/"},
		"no tenant":                   {Principal{UserID: "u"}, false, "/u"},
		"no user":                     {Principal{TenantID: "t"}, false, "t/"},
		"a service":                   {Principal{Service: "build"}, false, "service/build"},
		"a service that names people": {Principal{TenantID: "t", UserID: "u", Service: "build"}, false, "service/build"},
	} {
		if got := c.p.IsPerson(); got != c.person {
			t.Errorf("%s: a person: %v", name, got)
		}
		if got := c.p.UserKey(); got != c.key {
			t.Errorf("%s: key %s, want %s", name, got, c.key)
		}
	}
	if own := (Principal{GrantID: "g"}).SignIn(); own != "g" {
		t.Errorf("sign-in %s", own)
	}
	if other := (Principal{GrantID: "g", RestsOn: "h"}).SignIn(); other != "h" {
		t.Errorf("sign-in %s", other)
	}
}

package mcpserver

import "testing"

func TestVariables(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		template, uri, want string
		ok                  bool
	}{
		{"microsoft://profile", "microsoft://profile", "", true},
		{"microsoft://profile", "microsoft://profile/x", "", false},
		{"microsoft://mail/{id}", "microsoft://mail/m_abc", `{"id":"m_abc"}`, true},
		{"microsoft://mail/{id}", "microsoft://mail/a%2Fb%20c", `{"id":"a/b c"}`, true},
		{"microsoft://file/{driveId}/{id}", "microsoft://file/d/i", `{"driveId":"d","id":"i"}`, true},
		{"microsoft://mail/{id}", "microsoft://mail/", "", false},
		{"microsoft://mail/{id}", "microsoft://mail/a/b", "", false},
		{"microsoft://mail/{id}", "microsoft://mail/%zz", "", false},
		{"microsoft://mail/{id}", "microsoft://event/a", "", false},
		{"microsoft://file/{driveId}/{id}", "microsoft://file/d", "", false},
	} {
		got, err := variables(c.template, c.uri)
		if string(got) != c.want || (err == nil) != c.ok {
			t.Errorf("variables(%s, %s) = %s, %v", c.template, c.uri, got, err)
		}
	}
}

func FuzzVariables(f *testing.F) {
	f.Add("microsoft://mail/m_abc")
	f.Add("microsoft://mail/%2e%2e%2f")
	f.Fuzz(func(t *testing.T, uri string) {
		got, err := variables("microsoft://mail/{id}", uri)
		if err == nil && len(got) == 0 {
			t.Errorf("%q gives no arguments and no error", uri)
		}
	})
}

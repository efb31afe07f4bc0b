package linked

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

// FuzzRequest: whatever a model supplies stays where it was placed (invariant 9).
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{"1", "..", "../x", "a/b", "%2e%2e%2f", "a?b=c", "a#b", "$value", "é", "a;b", "x:y", "\x00", " ", "a&b=c"} {
		f.Add(seed, seed)
	}
	op := Operation{Name: "get", Method: "GET", Path: "/a/{id}/b", Query: []string{"state", "other"}}
	f.Fuzz(func(t *testing.T, id, state string) {
		args := arguments{}
		for name, value := range map[string]string{"id": id, "state": state} {
			raw, err := json.Marshal(value)
			if err != nil {
				t.Skip()
			}
			args[name] = raw
		}
		r, err := op.request("crm", args)
		if err != nil {
			return
		}
		u, err := url.Parse("https://crm.example/api" + r.Path.String() + "?" + r.Query.Encode())
		if err != nil {
			t.Fatal(err)
		}
		value, _ := args.text("id")
		given, _ := args.text("state")
		if u.Host != "crm.example" || u.Fragment != "" || u.Path != "/api/a/"+value+"/b" || strings.Count(u.EscapedPath(), "/") != 4 {
			t.Errorf("%q went to %s", id, u)
		}
		if q := u.Query(); len(q) != 1 || len(q["state"]) != 1 || q.Get("state") != given {
			t.Errorf("%q became the query %v", state, q)
		}
	})
}

func TestLeaving(t *testing.T) {
	t.Parallel()
	fields, err := Operation{Method: "POST", Path: "/a/{id}", Query: []string{"state"}, Body: true}.fields()
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(leaving(fields, arguments{"id": json.RawMessage(`"one"`), "state": json.RawMessage(`"two"`), "body": json.RawMessage(`{"k":["\u0074hree",{"four":5}]}`)}), "\n")
	for _, part := range []string{"one", "two", "three", "four", "5"} {
		if !strings.Contains(all, part) {
			t.Errorf("%q leaves and is not looked at: %q", part, all)
		}
	}
}

package mcpserver

import (
	"bytes"
	"encoding/json"
	"testing"
)

// FuzzCheck: what passes is JSON, passes again, and does not change any more.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}`, `[{"jsonrpc":"2.0","method":"x"}]`, `{"jsonrpc":"2.0","id":"\u0000","result":{}}`,
		`{"jsonrpc":"2.0","id":-1.5e3,"method":"ping","method":"initialize","params":{}}`, `{"jsonrpc":"2.0","id":1,"method":"ping","params":null}`, `[]`, ` null`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a := adapter{}
		messages, batch, wrong := a.check(body, false)
		if wrong != nil {
			if wrong.code >= 0 || wrong.status < 200 || wrong.text == "" {
				t.Errorf("%q: %+v", body, wrong)
			}
			return
		}
		checked, err := rewrite(messages, batch)
		if err != nil || !json.Valid(checked) {
			t.Fatalf("%q became %q, %v", body, checked, err)
		}
		messages, batch, wrong = a.check(checked, false)
		if wrong != nil {
			t.Fatalf("%q became %q, then %+v", body, checked, wrong)
		}
		again, err := rewrite(messages, batch)
		if err != nil || !bytes.Equal(again, checked) {
			t.Errorf("%q became %q, then %q, %+v", body, checked, again, wrong)
		}
	})
}

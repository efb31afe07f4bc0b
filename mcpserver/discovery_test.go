package mcpserver_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"m365mcp/mcpserver"
)

// Without a token a catalogue may look at what is offered, and at nothing else.
func TestPublicDiscovery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var counted atomic.Int32
		public := openDoors(t, func(o *mcpserver.Options) {
			o.Strangers = func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { counted.Add(1); next.ServeHTTP(w, r) })
			}
		})
		private := openDoors(t)
		const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`
		for name, c := range map[string]struct {
			path, body string
			status     int
			says       string
			header     []string
		}{
			"handshake":         {"/mcp", hello, 200, "serverInfo", nil},
			"and its end":       {"/mcp", ready, 202, "", nil},
			"ping":              {"/mcp", ping, 200, `"result"`, nil},
			"tools":             {"/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, 200, "whoAmI", nil},
			"tools on /sse":     {"/sse", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, 200, "whoAmI", nil},
			"resources":         {"/mcp", `{"jsonrpc":"2.0","id":1,"method":"resources/list"}`, 200, "microsoft://profile", nil},
			"templates":         {"/mcp", `{"jsonrpc":"2.0","id":1,"method":"resources/templates/list"}`, 200, "resourceTemplates", nil},
			"prompts":           {"/mcp", `{"jsonrpc":"2.0","id":1,"method":"prompts/list"}`, 200, "prompts", nil},
			"discover":          {"/mcp", `{"jsonrpc":"2.0","id":1,"method":"server/discover","params":{` + meta + `}}`, 200, "supportedVersions", []string{"Mcp-Protocol-Version", "2026-07-28", "Mcp-Method", "server/discover"}},
			"a batch of lists":  {"/mcp", `[` + ping + `,{"jsonrpc":"2.0","id":2,"method":"tools/list"}]`, 200, "whoAmI", []string{"Mcp-Protocol-Version", "2025-03-26"}},
			"a call":            {"/mcp", who(1), 401, "", nil},
			"a call in a batch": {"/mcp", `[` + ping + `,` + who(1) + `]`, 401, "", nil},
			"a second method":   {"/mcp", `{"jsonrpc":"2.0","id":1,"method":"tools/list","Method":"tools/call","method":"tools/call","params":{"name":"whoAmI","arguments":{}}}`, 401, "", nil},
			"a resource":        {"/mcp", `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"microsoft://profile"}}`, 401, "", nil},
			"a prompt":          {"/mcp", `{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"briefing"}}`, 401, "", nil},
			"an answer":         {"/mcp", `{"jsonrpc":"2.0","id":1,"result":{}}`, 401, "", nil},
			"no JSON":           {"/mcp", `{`, 401, "", nil},
			"too long a list":   {"/mcp", ping + strings.Repeat(" ", 16<<10), 401, "", nil},
			"a stream":          {"/sse?sessionId=A", ping, 401, "", nil},
			"a bad token":       {"/mcp", ping, 401, "", []string{"Authorization", "Bearer mallory"}},
			"another scheme":    {"/mcp", ping, 401, "", []string{"Authorization", "Basic YTpi"}},
			"an empty header":   {"/mcp", ping, 401, "", []string{"Authorization", ""}},
		} {
			before := counted.Load()
			a := public.do(t, http.MethodPost, c.path, "", c.body, c.header...)
			if a.status != c.status || !strings.Contains(a.body, c.says) || a.status == 401 && a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: %d %v %s", name, a.status, a.header, a.body)
			}
			if let := counted.Load() > before; let != (c.status != 401) {
				t.Errorf("%s: counted: %v", name, let)
			}
			if a := private.do(t, http.MethodPost, c.path, "", c.body, c.header...); a.status != 401 {
				t.Errorf("%s where that is off: %d %s", name, a.status, a.body)
			}
		}
		for _, path := range []string{"/mcp", "/sse", "/ws"} {
			if a := public.do(t, http.MethodGet, path, "", ""); a.status != 401 {
				t.Errorf("GET %s: %d %s", path, a.status, a.body)
			}
		}
		if a := public.do(t, http.MethodPost, "/mcp", "ada", who(1)); a.status != 200 || !strings.Contains(a.body, "for ada") {
			t.Errorf("with a token: %d %s", a.status, a.body)
		}
		if seen, _ := public.said(); len(seen) != 1 {
			t.Errorf("ran %q", seen)
		}
	})
}

package fault_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"m365mcp/simulator/fault"
)

// A web page that the operator has open must not break the simulator, read its
// rules, or have its own HTML answered on the simulator's origin.
func TestControlIsNotForWebPages(t *testing.T) {
	t.Parallel()
	const rule = `{"status":200,"body":"<script></script>","contentType":"text/html"}`
	all := []string{http.MethodGet, http.MethodPost, http.MethodDelete}
	done := map[string]int{http.MethodGet: http.StatusOK, http.MethodPost: http.StatusCreated, http.MethodDelete: http.StatusNoContent}
	for name, c := range map[string]struct {
		host    string
		header  map[string]string
		methods []string
		want    int // 0: done
	}{
		"a program":                 {methods: all},
		"by name":                   {host: "localhost:8365", methods: all},
		"by IPv6 address":           {host: "[::1]:8365", methods: all},
		"without a port":            {host: "[::1]", methods: all},
		"charset":                   {header: map[string]string{"Content-Type": "application/json; charset=utf-8"}, methods: all},
		"the address bar":           {header: map[string]string{"Sec-Fetch-Site": "none"}, methods: all},
		"another site":              {header: map[string]string{"Origin": "https://evil.example"}, methods: all, want: http.StatusForbidden},
		"a sandboxed frame":         {header: map[string]string{"Origin": "null"}, methods: all, want: http.StatusForbidden},
		"an empty origin":           {header: map[string]string{"Origin": ""}, methods: all, want: http.StatusForbidden},
		"a page of the simulator":   {header: map[string]string{"Origin": "http://127.0.0.1:8365", "Sec-Fetch-Site": "same-origin"}, methods: all, want: http.StatusForbidden},
		"an image of another site":  {header: map[string]string{"Sec-Fetch-Site": "cross-site"}, methods: all, want: http.StatusForbidden},
		"a page of another port":    {header: map[string]string{"Sec-Fetch-Site": "same-site"}, methods: all, want: http.StatusForbidden},
		"DNS rebinding":             {host: "evil.example:8365", methods: all, want: http.StatusForbidden},
		"a name like an address":    {host: "127.0.0.1.evil.example", methods: all, want: http.StatusForbidden},
		"no host":                   {host: "-", methods: all, want: http.StatusForbidden},
		"a form":                    {header: map[string]string{"Content-Type": "text/plain"}, methods: []string{http.MethodPost}, want: http.StatusUnsupportedMediaType},
		"no content type":           {header: map[string]string{"Content-Type": ""}, methods: []string{http.MethodPost}, want: http.StatusUnsupportedMediaType},
		"JSON named in a parameter": {header: map[string]string{"Content-Type": "text/plain; a=application/json"}, methods: []string{http.MethodPost}, want: http.StatusUnsupportedMediaType},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, method := range c.methods {
				board := fault.New(now, nil)
				board.Add(fault.Rule{Status: http.StatusBadGateway})
				before := len(board.Rules())
				r := httptest.NewRequest(method, "http://127.0.0.1:8365/simulator/faults", strings.NewReader(rule))
				r.Header.Set("Content-Type", "application/json")
				for k, v := range c.header {
					r.Header.Set(k, v)
				}
				if c.host != "" {
					r.Host = strings.TrimPrefix(c.host, "-")
				}
				w := httptest.NewRecorder()
				board.Handler().ServeHTTP(w, r)
				if c.want == 0 {
					if w.Code != done[method] {
						t.Errorf("%s: %d %s", method, w.Code, w.Body)
					}
					continue
				}
				if w.Code != c.want || len(board.Rules()) != before || strings.Contains(w.Body.String(), "502") {
					t.Errorf("%s: %d %s, %d rules; want %d", method, w.Code, w.Body, len(board.Rules()), c.want)
				}
			}
		})
	}
}

package mcpserver

import (
	"bytes"
	"io"
	"net/http"
)

// maxStranger is the most that is read of a request without a token.
const maxStranger = 16 << 10

// listed are the methods whose answers are the same for everybody and say nothing of
// anybody: what this server is and what it offers.
var listed = map[string]bool{
	"initialize": true, "notifications/initialized": true, "ping": true, "server/discover": true,
	"tools/list": true, "resources/list": true, "resources/templates/list": true, "prompts/list": true,
}

// discovery answers requests without a token that ask for nothing else, where that is
// allowed. All others go on to next, which asks for the token. There is no principal,
// and what needs one fails without.
func (a *adapter) discovery(next http.Handler) http.Handler {
	if a.Strangers == nil {
		return next
	}
	bounded := a.Strangers(a.anybody)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.Header["Authorization"] != nil || r.URL.RawQuery != "" {
			next.ServeHTTP(w, r)
			return
		}
		start, err := io.ReadAll(io.LimitReader(r.Body, maxStranger+1))
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(start), r.Body), r.Body}
		if err != nil || len(start) > maxStranger || !a.lists(start, modernRequest(r)) {
			next.ServeHTTP(w, r)
			return
		}
		bounded.ServeHTTP(w, r)
	})
}

// lists reports whether a body asks for nothing but what is listed.
func (a *adapter) lists(body []byte, modern bool) bool {
	messages, _, f := a.check(body, modern)
	for _, m := range messages {
		if !listed[m.Method] {
			return false
		}
	}
	return f == nil
}

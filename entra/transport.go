package entra

import (
	"fmt"
	"net/http"
	"strings"
)

// maxAnswer bounds what is read of any answer; Entra's are a few KiB.
const maxAnswer = 1 << 20

// authorityOnly is the last word on where the client secret and tokens may go:
// the scheme, host and port of the authority, whatever discovery says.
type authorityOnly struct {
	next         http.RoundTripper
	scheme, host string
}

func (a *authorityOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	if !a.admits(r.URL.Scheme, r.URL.Host) {
		if r.Body != nil {
			_ = r.Body.Close() // the contract of RoundTripper; nothing to do about its error
		}
		return nil, fmt.Errorf("entra: %s://%s is not the configured authority", r.URL.Scheme, r.URL.Host)
	}
	resp, err := a.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	return resp, nil
}

func (a *authorityOnly) admits(scheme, host string) bool {
	return scheme == a.scheme && strings.EqualFold(host, a.host)
}

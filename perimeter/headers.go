package perimeter

import (
	"net/http"
	"slices"
	"strings"
)

// forwarding headers say where a request came from; of a trusted proxy they are
// believed by whoever reads them.
var forwarding = []string{
	"forwarded", "x-forwarded-", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "x-original-", "x-envoy-external-address",
	"true-client-ip", "cf-connecting-ip", "cf-connecting-ipv6", "cf-pseudo-ipv4", "fastly-client-ip", "x-azure-clientip", "x-azure-socketip",
}

// claiming headers say who somebody is. What a proxy signs is read before they are
// removed; all else is what anybody can write.
var claiming = []string{
	"cf-access-", "x-pomerium-", "x-goog-iap-", "x-goog-authenticated-user-", "x-amzn-oidc-", "x-amzn-mtls-", "x-ms-client-principal",
	"x-ms-token-", "x-azure-fdid", "x-auth-request-", "x-authenticated-", "x-remote-", "remote-user", "remote-groups", "remote-email", "remote-name",
	"x-user", "x-email", "x-webauth-", "x-forwarded-user", "x-forwarded-email", "x-forwarded-groups", "x-forwarded-preferred-username",
	"x-forwarded-access-token", "x-forwarded-client-cert", "client-cert", "x-client-cert", "x-ssl-", "ssl-client-", "x-client-verify", "x-client-dn",
}

// assertionCookie is where Access keeps a person's assertion for the browser.
const assertionCookie = "CF_Authorization"

// plain is a header's name as proxies and frameworks read it that take an underscore
// for a hyphen.
func plain(name string) string { return strings.ReplaceAll(strings.ToLower(name), "_", "-") }

// strip removes what only claims something.
func strip(h http.Header, claims []string, peerTrusted bool) {
	for name := range h {
		n := plain(name)
		named := func(prefix string) bool { return strings.HasPrefix(n, prefix) }
		if slices.ContainsFunc(claims, named) || !peerTrusted && slices.ContainsFunc(forwarding, named) {
			delete(h, name)
		}
	}
	lines := h["Cookie"]
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, assertionCookie) }) {
		return
	}
	var kept []string
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			pair = strings.TrimSpace(pair)
			if name, _, _ := strings.Cut(pair, "="); name != assertionCookie && pair != "" {
				kept = append(kept, pair)
			}
		}
	}
	if len(kept) == 0 {
		delete(h, "Cookie")
		return
	}
	h["Cookie"] = []string{strings.Join(kept, "; ")}
}

package dial

import (
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

// Limits of a request for a document that a stranger named. Whoever reads the
// body bounds its size.
const (
	documentTimeout = 10 * time.Second // in total, the body included
	documentHeader  = 16 << 10
)

// AllowDocument reports whether strangers may name this URL for the server to
// fetch: https on port 443 of a host on the list, or of any where the list is
// empty. A loopback host has to be on the list by name or address; then its port is free.
func (h Hosts) AllowDocument(u *url.URL) bool {
	if u.Scheme != "https" || u.User != nil || u.Hostname() == "" {
		return false
	}
	if Loopback(u.Hostname()) {
		return h.Allow(u)
	}
	return (u.Port() == "" || u.Port() == "443") && (len(h) == 0 || h.Allow(u))
}

// DocumentClient returns an HTTP client for URLs that strangers name. It connects
// to public addresses alone, whatever DNS says by then, and to this machine only
// for a loopback host on the list. It sends no cookies and keeps no connection.
func DocumentClient(name string, hosts Hosts) *http.Client {
	return documentClient(name, hosts, nil, nil)
}

// documentClient lets tests bring a resolver and a certificate authority.
func documentClient(name string, hosts Hosts, resolver *net.Resolver, roots *x509.CertPool) *http.Client {
	d := dialer()
	d.Resolver = resolver
	t := transport(name, d, func(dialled string, to netip.Addr) error {
		// The transport may have rewritten the host, as a Unicode one: what counts is what it dials.
		u := &url.URL{Scheme: "https", Host: dialled}
		if public(to) || to.Unmap().IsLoopback() && Loopback(u.Hostname()) && hosts.Allow(u) {
			return nil
		}
		return ErrAddress
	})
	t.TLSClientConfig.RootCAs = roots
	t.DisableKeepAlives = true
	t.DisableCompression = true
	t.MaxResponseHeaderBytes = documentHeader
	c := client(name, hosts.AllowDocument, t)
	c.Timeout = documentTimeout
	return c
}

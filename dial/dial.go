// Package dial is the only place that opens sockets. It hands out HTTP clients
// that are named and pinned to the hosts they are for; everything else is
// refused before a connection is made, on every hop.
package dial

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

// ErrHost means that a client was asked to reach a host it is not for.
var ErrHost = errors.New("host is not one this client may reach")

// Timeouts of every client. The whole of a request is bounded by its context.
const (
	connectTimeout = 10 * time.Second
	headerTimeout  = 100 * time.Second // Graph's own front end gives up earlier
	idleTimeout    = 90 * time.Second
)

// Client returns an HTTP client named name that reaches only the origins of
// these URLs (scheme, host and port). It follows no redirect: the caller sees
// the 3xx answer, and no credential goes anywhere it was not meant for.
// Plain http is for loopback addresses alone.
func Client(name string, urls ...string) (*http.Client, error) {
	origins := make(map[string]bool, len(urls))
	for _, raw := range urls {
		u, err := url.Parse(raw)
		if err != nil {
			return nil, fmt.Errorf("client %s: %w", name, err)
		}
		if u.Scheme != "https" && (u.Scheme != "http" || !Loopback(u.Hostname())) {
			return nil, fmt.Errorf("client %s: %s is neither https nor http on loopback", name, raw)
		}
		origins[origin(u)] = true
	}
	return client(name, func(u *url.URL) bool { return origins[origin(u)] }, transport(name, dialer(), nil)), nil
}

// client makes an HTTP client that reaches only what allowed says.
func client(name string, allowed func(*url.URL) bool, t *http.Transport) *http.Client {
	return &http.Client{
		Transport:     &pinned{name: name, allowed: allowed, next: t},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func dialer() net.Dialer {
	return net.Dialer{Timeout: connectTimeout, KeepAlive: 30 * time.Second}
}

// transport connects only to addresses that check, where there is one, lets pass
// for the host and port that they were found under. It uses no proxy: none could be
// checked.
func transport(name string, d net.Dialer, check func(dialled string, to netip.Addr) error) *http.Transport {
	return &http.Transport{
		DialContext: func(ctx context.Context, network, dialled string) (net.Conn, error) {
			if check == nil {
				return d.DialContext(ctx, network, dialled)
			}
			d := d
			// Between the resolution and the connection: no later answer of DNS counts.
			d.Control = func(_, address string, _ syscall.RawConn) error {
				to, err := netip.ParseAddrPort(address)
				if err == nil {
					err = check(dialled, to.Addr())
				}
				if err != nil {
					return fmt.Errorf("client %s: %s: %w", name, address, err)
				}
				return nil
			}
			return d.DialContext(ctx, network, dialled)
		},
		ForceAttemptHTTP2:     true,
		TLSClientConfig:       &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:   connectTimeout,
		ResponseHeaderTimeout: headerTimeout,
		IdleConnTimeout:       idleTimeout,
		MaxIdleConns:          256,
		MaxIdleConnsPerHost:   64,
	}
}

// Listen opens a TCP listener.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	return l, nil
}

// Loopback reports whether host is this machine by name or address, without asking DNS.
func Loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

type pinned struct {
	name    string
	allowed func(*url.URL) bool
	next    *http.Transport
}

func (p *pinned) RoundTrip(r *http.Request) (*http.Response, error) {
	if !p.allowed(r.URL) {
		if r.Body != nil {
			_ = r.Body.Close() // the contract of RoundTripper; nothing to do about its error
		}
		return nil, fmt.Errorf("client %s: %s: %w", p.name, r.URL.Host, ErrHost)
	}
	return p.next.RoundTrip(r)
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the transport.
func (p *pinned) CloseIdleConnections() { p.next.CloseIdleConnections() }

func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(u.Hostname(), port)
}

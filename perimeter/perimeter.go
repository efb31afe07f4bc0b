// Package perimeter lets in only who the proxy in front has proven: by a signed
// assertion (Cloudflare Access, Pomerium, Google IAP, any proxy that signs a JWT) or
// by a client certificate. What it has proven goes on in the request's context; every
// header that merely claims an identity is removed, proven or not, so that nothing
// behind it can believe one.
package perimeter

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"path"
	"slices"
	"strings"
	"time"

	"m365mcp/identity"
	"m365mcp/internal/secret"
)

// Guard is the outermost handler.
type Guard struct {
	modes   []Mode
	claims  []string // headers that claim to be somebody
	trusted []netip.Prefix
	open    []string
	log     *slog.Logger
	refused func(ctx context.Context, reason string)
}

// Options are what a Guard is made with.
type Options struct {
	// Modes are the ways to be proven, one of which a request must take; without any,
	// everybody comes in, as nobody.
	Modes []Mode
	// TrustedProxies are the peers whose forwarding headers go on.
	TrustedProxies []netip.Prefix
	// Open are the paths that need no proof; one that ends in / stands for all below it.
	Open []string
	Log  *slog.Logger
	// Refused is told of each refusal, for evidence; it must not block.
	Refused func(ctx context.Context, reason string)
}

// Mode is one way to be proven.
type Mode interface {
	// prove returns [errAbsent] where the request does not even try.
	prove(r *http.Request, peerTrusted bool) (identity.Perimeter, error)
	// refresh fetches keys ahead of their end.
	refresh(ctx context.Context) error
	// header is the one that carries its proof, or "".
	header() string
	// name is for people.
	name() string
}

var errAbsent = errors.New("absent")

// New makes a guard.
func New(o Options) *Guard {
	claims := claiming
	for _, m := range o.Modes {
		if h := m.header(); h != "" {
			claims = append(slices.Clip(claims), plain(h))
		}
	}
	return &Guard{claims: claims, modes: o.Modes, trusted: o.TrustedProxies, open: o.Open, log: o.Log, refused: o.Refused}
}

// refreshInterval is how often it is looked whether keys are due.
const refreshInterval = time.Minute

// KeepFresh fetches the keys of those who sign ahead of their end, until ctx ends.
func (g *Guard) KeepFresh(ctx context.Context) {
	if len(g.modes) == 0 {
		return
	}
	tick := time.NewTicker(refreshInterval)
	defer tick.Stop()
	for {
		for _, m := range g.modes {
			if err := m.refresh(ctx); err != nil && ctx.Err() == nil {
				g.log.WarnContext(ctx, "perimeter keys", "mode", m.name(), "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Check fetches the keys of every mode and says what is wrong.
func (g *Guard) Check(ctx context.Context) error {
	var errs []error
	for _, m := range g.modes {
		errs = append(errs, m.refresh(ctx))
	}
	return errors.Join(errs...)
}

// Handler lets through to next who is proven.
func (g *Guard) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peerTrusted := g.peerTrusted(r)
		who, assertion, err := g.prove(r, peerTrusted)
		strip(r.Header, g.claims, peerTrusted)
		switch {
		case err == nil:
			next.ServeHTTP(w, r.WithContext(identity.WithAssertion(identity.WithPerimeter(r.Context(), who), assertion)))
		case errors.Is(err, errAbsent) && (len(g.modes) == 0 || g.isOpen(r.URL.Path)):
			next.ServeHTTP(w, r)
		default:
			g.refuse(w, r, err)
		}
	})
}

// prove takes exactly one proof: with two, it is not this server's to choose. What was
// signed comes with it, for linked apps that verify it themselves.
func (g *Guard) prove(r *http.Request, peerTrusted bool) (proven identity.Perimeter, assertion secret.String, _ error) {
	found := 0
	for _, m := range g.modes {
		who, err := m.prove(r, peerTrusted)
		if errors.Is(err, errAbsent) {
			continue
		}
		if err != nil {
			return identity.Perimeter{}, secret.String{}, err
		}
		proven = who
		if _, ok := m.(*assertionMode); ok {
			assertion = secret.New(r.Header.Get(m.header()))
		}
		found++
	}
	switch found {
	case 0:
		return identity.Perimeter{}, secret.String{}, errAbsent
	case 1:
		return proven, assertion, nil
	default:
		return identity.Perimeter{}, secret.String{}, refusal{reason: "several_proofs", words: "it carries proofs of two kinds; one is needed"}
	}
}

func (g *Guard) peerTrusted(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && slices.ContainsFunc(g.trusted, func(p netip.Prefix) bool { return p.Contains(peer.Addr().Unmap()) })
}

// isOpen reads a path in one way only: one with dots or doubled slashes is whatever the
// next reader makes of it.
func (g *Guard) isOpen(p string) bool {
	return p == path.Clean(p) && slices.ContainsFunc(g.open, func(o string) bool {
		return p == o || strings.HasSuffix(o, "/") && strings.HasPrefix(p, o)
	})
}

// refusal is a proof that does not count, with what its sender may know of why.
type refusal struct {
	reason string // for evidence: one word
	words  string
	away   bool // nobody's fault: try again
}

func (r refusal) Error() string { return r.words }

// retryAfter is in seconds.
const retryAfter = "15"

// refuse says why, and never asks for a sign-in of this server's own: a client that
// is not let in must not start one.
func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, err error) {
	why := refusal{reason: "no_proof", words: "it carries no proof of having come through " + g.names()}
	_ = errors.As(err, &why)
	g.log.InfoContext(r.Context(), "perimeter refused", "reason", why.reason, "path", r.URL.Path, "peer", r.RemoteAddr)
	if g.refused != nil {
		g.refused(r.Context(), why.reason)
	}
	status := http.StatusForbidden
	if why.away {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", retryAfter)
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "Refused: "+why.words+".\nReach this server through "+g.names()+", at its public address. If you did, its administrator finds the reason in the log.", status)
}

func (g *Guard) names() string {
	var names []string
	for _, m := range g.modes {
		names = append(names, m.name())
	}
	return strings.Join(names, " or ")
}

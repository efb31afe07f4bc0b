package authserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"m365mcp/internal/assertion"
	"m365mcp/internal/redirecturi"
	"m365mcp/internal/secret"
)

// ConfiguredClient is a client that the administrator wrote down. It needs no
// registration, never expires, and its name is vouched for.
type ConfiguredClient struct {
	ID           string
	Name         string
	RedirectURIs []string        // none: people do not sign in with it
	Secret       secret.String   // zero: a public client, or one with keys
	Keys         *assertion.Keys // by which it proves itself; nil: by a secret, or not at all

	Service    bool     // it gets tokens for itself, and nobody's data
	Tools      []string // all that it may reach as a service
	Introspect bool     // it may ask about tokens (RFC 7662)
}

// configured is a client of the administrator's with what it may do.
type configured struct {
	Client

	service    bool
	tools      []string
	introspect bool
}

// configuredClients checks what must hold of them here; the configuration checks more.
func configuredClients(list []ConfiguredClient) (map[string]configured, error) {
	clients := make(map[string]configured, len(list))
	var errs []error
	for _, c := range list {
		client := Client{ID: c.ID, Source: ClientConfigured, Name: c.Name, RedirectURIs: c.RedirectURIs, AuthMethod: authNone, Keys: c.Keys}
		switch {
		case c.Keys != nil:
			client.AuthMethod = authKey
		case !c.Secret.IsZero():
			client.AuthMethod, client.Secret = authBasic, digest(c.Secret.Reveal())
		}
		if _, twice := clients[c.ID]; twice || c.ID == "" || strings.HasPrefix(c.ID, registeredPrefix) || strings.HasPrefix(c.ID, documentIDPrefix) {
			errs = append(errs, fmt.Errorf("configured client %q: its id is there twice, or looks like one of another source", c.ID))
		}
		switch {
		case c.Keys != nil && !c.Secret.IsZero():
			errs = append(errs, fmt.Errorf("configured client %q: it has keys and a secret", c.ID))
		case (c.Service || c.Introspect) && client.public():
			errs = append(errs, fmt.Errorf("configured client %q: a service, or one that asks about tokens, needs a secret or keys", c.ID))
		case c.Service && len(c.RedirectURIs) > 0, !c.Service && len(c.Tools) > 0:
			errs = append(errs, fmt.Errorf("configured client %q: a service has tools and no redirect URI, others the reverse", c.ID))
		case client.public() && len(c.RedirectURIs) == 0:
			errs = append(errs, fmt.Errorf("configured client %q: it has no redirect URI", c.ID))
		}
		for _, uri := range c.RedirectURIs {
			if fault := redirecturi.Fault(uri); fault != "" {
				errs = append(errs, fmt.Errorf("configured client %q: the redirect URI %s %s", c.ID, uri, fault))
			}
		}
		clients[c.ID] = configured{client, c.Service, slices.Clone(c.Tools), c.Introspect}
	}
	return clients, errors.Join(errs...)
}

// admitted reports whether the configuration lets clients of this id in. It is asked
// with every use of what they hold, so that taking one out ends it at once.
func (s *Server) admitted(id string) bool {
	if strings.HasPrefix(id, documentIDPrefix) {
		return s.documents.admits(id)
	}
	_, configured := s.configured[id]
	return configured || strings.HasPrefix(id, registeredPrefix)
}

// client finds a client as it was when a person last agreed to it: for requests that
// bring what came of that, a code or a token. It fetches nothing.
func (s *Server) client(ctx context.Context, id string) (Client, error) {
	if c, ok := s.configured[id]; ok {
		return c.Client, nil
	}
	if !s.admitted(id) {
		return Client{}, ErrNotFound
	}
	return s.store.Client(ctx, id)
}

// describe finds a client as it is described now, whoever describes it: the
// configuration, the metadata document at its id, or its registration. permit is
// asked before anything is fetched.
func (s *Server) describe(ctx context.Context, id string, permit func() error) (Client, error) {
	if !strings.HasPrefix(id, documentIDPrefix) {
		return s.client(ctx, id)
	}
	if fault := s.documentRefusal(id); fault != "" {
		return Client{}, refusePage(http.StatusBadRequest, fault)
	}
	return s.documents.get(ctx, id, permit)
}

// fetchPermit bounds what one address makes this server fetch.
func (s *Server) fetchPermit(r *http.Request) func() error {
	return func() error {
		if wait := s.limits.fetches.take(s.address(r), s.now()); wait > 0 {
			return tooOften(wait)
		}
		return nil
	}
}

func (s *Server) documentRefusal(id string) string {
	switch fault := documentFault(id); {
	case s.documents == nil:
		return "This server does not take apps that are known by an address (client metadata documents). The app has to register, or an administrator adds it."
	case fault != "":
		return "The address that the app is known by (client_id) " + fault + "."
	case !s.documents.admits(id):
		return "This server's administrator does not allow apps of the address that this one is known by (client_id)."
	default:
		return ""
	}
}

// keepClient stores a client that is described elsewhere, because a person has just
// agreed to it: grants belong to a stored client.
func (s *Server) keepClient(ctx context.Context, id string) error {
	if strings.HasPrefix(id, registeredPrefix) {
		return nil
	}
	c, err := s.describe(ctx, id, func() error { return nil })
	if err != nil {
		return err
	}
	now := s.now()
	c.CreatedAt, c.LastUsedAt = now, now
	return s.store.PutClient(ctx, c)
}

// redirectAllowed: by what describes the client, and by the administrator's list,
// which binds everybody but the administrator.
func (s *Server) redirectAllowed(c Client, asked string) bool {
	return redirecturi.Match(c.RedirectURIs, asked) && (c.Source == ClientConfigured || s.redirects.Allow(asked))
}

// allowedRedirects leaves out what the administrator's list does not have; something
// has to remain.
func (s *Server) allowedRedirects(uris []string) ([]string, error) {
	allowed := slices.DeleteFunc(slices.Clone(uris), func(uri string) bool { return !s.redirects.Allow(uri) })
	if len(allowed) == 0 {
		return nil, refuse(codeInvalidRedirectURI, "This server's administrator allows none of these redirect URIs.")
	}
	return allowed, nil
}

// EndRemoved ends the grants of clients that the configuration does not admit any
// more, so that they do not come back with them. The app calls it at the start.
func (s *Server) EndRemoved(ctx context.Context) error {
	ids, err := s.store.GrantedClients(ctx)
	if err != nil {
		return fmt.Errorf("end removed clients: %w", err)
	}
	for _, id := range ids {
		if s.admitted(id) {
			continue
		}
		if err := s.Revoke(ctx, Selector{ClientID: id}, "client not admitted by the configuration"); err != nil {
			return fmt.Errorf("end removed client: %w", err)
		}
		s.log.WarnContext(ctx, "grants of a client ended that the configuration does not admit", "client", id)
	}
	return nil
}

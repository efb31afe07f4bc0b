package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"m365mcp/dial"
	"m365mcp/simulator/dataset"
	"m365mcp/simulator/entra"
	"m365mcp/simulator/fault"
	"m365mcp/simulator/graph"
)

// SimulatorOptions configures the simulated tenant.
type SimulatorOptions struct {
	EntraListen, GraphListen string
	ClientID, ClientSecret   string // of the app registration; empty: made up
	RedirectURI, Tenant      string // empty: the demo's callback; the data set's tenant id
	SignInAs                 string // local part of a UPN: skips the sign-in page
	AccessTokenLifetime      time.Duration
	Now                      func() time.Time
	Logger                   *slog.Logger

	Configure func(*entra.Options) // for tests; may be nil
}

// Person is somebody of the simulated tenant.
type Person struct{ Name, Title, UPN string }

// DemoPerson is a Person.
type DemoPerson = Person

// Simulator is a running simulated tenant. Entra and Graph are there for tests
// to look into and to break.
type Simulator struct {
	EntraURL, GraphURL, StorageURL                string
	TenantID, ClientID, ClientSecret, RedirectURI string
	People                                        []Person

	Entra  *entra.Server
	Graph  *graph.Server
	Faults *fault.Switchboard

	servers []*http.Server
}

// StartSimulator runs the simulated Entra and Graph on their addresses.
func StartSimulator(ctx context.Context, o SimulatorOptions) (_ *Simulator, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	for _, listen := range []struct{ flag, addr string }{{"--entra", o.EntraListen}, {"--graph", o.GraphListen}} {
		if err := loopbackOnly(listen.addr); err != nil {
			return nil, usage("%s: %w", listen.flag, err)
		}
	}
	tenant := dataset.Load(o.Now())
	if o.Tenant != "" {
		tenant.ID = o.Tenant
	}
	s := &Simulator{
		TenantID: tenant.ID, Faults: fault.New(o.Now, nil),
		ClientID:     cmp.Or(o.ClientID, "5f0c1d2e-0000-4000-8000-6d3336352d6d"),
		ClientSecret: cmp.Or(o.ClientSecret, rand.Text()),
		RedirectURI:  cmp.Or(o.RedirectURI, "http://127.0.0.1:8365/callback"),
	}
	for _, p := range tenant.People {
		s.People = append(s.People, Person{p.DisplayName, p.JobTitle, p.UPN})
	}
	upn, err := personNamed(tenant.People, o.SignInAs)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
		}
	}()
	entraListener, err := dial.Listen(ctx, o.EntraListen)
	if err != nil {
		return nil, usage("simulated Entra: %w", err)
	}
	graphListener, err := dial.Listen(ctx, o.GraphListen)
	if err != nil {
		return nil, errors.Join(usage("simulated Graph: %w", err), entraListener.Close())
	}
	// Where uploads and downloads go takes no token, and is a host of its own, as at Microsoft.
	storageListener, err := dial.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(usage("simulated storage: %w", err), entraListener.Close(), graphListener.Close())
	}
	s.StorageURL = "http://" + storageListener.Addr().String()
	s.EntraURL, s.GraphURL = "http://"+entraListener.Addr().String(), "http://"+graphListener.Addr().String()
	options := entra.Options{
		Tenant: tenant, BaseURL: s.EntraURL, SignInAs: upn, AccessTokenLifetime: o.AccessTokenLifetime,
		Clients: []entra.Client{{
			ID: s.ClientID, Name: "m365-mcp", Secret: s.ClientSecret, RedirectURIs: []string{s.RedirectURI}, Scopes: consented(),
		}},
		Now: o.Now, Logger: o.Logger, Faults: s.Faults,
	}
	if o.Configure != nil {
		o.Configure(&options)
	}
	s.Entra, err = entra.New(options)
	if err != nil {
		return nil, errors.Join(err, entraListener.Close(), graphListener.Close(), storageListener.Close())
	}
	s.Graph = graph.New(graph.Options{
		Tenant: tenant, Verify: s.Entra.VerifyAccessToken, BaseURL: s.GraphURL, StorageURL: s.StorageURL,
		Now: o.Now, Faults: s.Faults, Logger: o.Logger, MailboxConcurrency: 4, MailboxRequests: 10_000,
	})
	s.serve(entraListener, s.Entra)
	s.serve(graphListener, s.Graph)
	s.serve(storageListener, s.Graph.Storage())
	return s, nil
}

// consented are the permissions that the company's administrator has consented to
// for the app: whatever a tool can use.
func consented() []string {
	var all []string
	for _, t := range catalogue().Tools {
		all = slices.Concat(all, t.Scopes, slices.Concat(t.AnyScope...), t.OptionalScopes, t.SharedScopes)
	}
	for _, r := range catalogue().Resources {
		all = append(all, r.Scopes...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (s *Simulator) serve(l net.Listener, h http.Handler) {
	mux := http.NewServeMux()
	mux.Handle("/", h)
	mux.Handle("/simulator/faults", s.Faults.Handler())
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: readHeaderTimeout}
	s.servers = append(s.servers, srv)
	go func() { _ = srv.Serve(l) }() // ends with Stop; a broken listener shows as failing calls
}

// Stop ends the servers.
func (s *Simulator) Stop(ctx context.Context) error {
	var errs []error
	for _, srv := range s.servers {
		if err := srv.Shutdown(ctx); err != nil {
			errs = append(errs, err, srv.Close())
		}
	}
	return errors.Join(errs...)
}

// personNamed finds the UPN whose local part is name; an empty name is nobody.
func personNamed(people []dataset.Person, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	var choices []string
	for _, p := range people {
		local, _, _ := strings.Cut(p.UPN, "@")
		if strings.EqualFold(local, name) || strings.EqualFold(p.UPN, name) {
			return p.UPN, nil
		}
		choices = append(choices, local)
	}
	slices.Sort(choices)
	return "", usage("nobody in the simulated tenant is called %q; choose one of: %s", name, strings.Join(choices, ", "))
}

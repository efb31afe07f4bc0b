package authserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"m365mcp/entra"
	"m365mcp/identity"
)

// Perimeter is how what the proxy in front has proven belongs to people at Microsoft.
//
// A grant records who was proven when its person signed in, and that must be the person
// who came back from Microsoft. From then on the grant's tokens are taken from that
// person alone, or from a machine that may carry tokens of the grant's client: a stolen
// token is of no use to whoever else comes through the proxy.
type Perimeter struct {
	// People are those who have another address at the proxy than at Microsoft, by the
	// address that the proxy has.
	People map[string]string
	// Mail says that the mail address which Microsoft tells counts beside the user
	// principal name. With several tenants it does not: each sets those of its own people.
	Mail bool
	// Machines are the clients whose tokens a machine may carry, by its name: client ids,
	// and hosts of redirect URIs.
	Machines map[string][]string
	// Services are machines that work for nobody, by name, with the tools that each may
	// use: the proof of the proxy is all that they bring.
	Services map[string][]string
}

const eventPerimeterMismatch = "perimeter.mismatch" // a token, or a sign-in, of somebody else

// guest marks the user principal name that a tenant gives to somebody from outside.
const guest = "#ext#@"

// owns reports whether the Microsoft account is that of the proven person.
func (p *Perimeter) owns(who identity.Perimeter, account entra.Account) bool {
	if who.Email == "" || who.Service {
		return false
	}
	has := func(address string) bool {
		upn := strings.ToLower(account.UPN)
		if strings.EqualFold(address, upn) || p.Mail && account.Mail != "" && strings.EqualFold(address, account.Mail) {
			return true
		}
		// ada_partner.example#EXT#@tideline.example is ada@partner.example at home.
		home, _, isGuest := strings.Cut(upn, guest)
		at := strings.LastIndex(home, "_")
		return isGuest && at > 0 && strings.EqualFold(address, home[:at]+"@"+home[at+1:])
	}
	if other, ok := p.People[strings.ToLower(who.Email)]; ok {
		return has(other)
	}
	return has(who.Email)
}

// carries reports whether a machine may come with tokens of the client.
func (p *Perimeter) carries(machine identity.Perimeter, client Client) bool {
	return slices.ContainsFunc(p.Machines[machine.Subject], func(allowed string) bool {
		if allowed == client.ID {
			return true
		}
		return len(client.RedirectURIs) > 0 && !slices.ContainsFunc(client.RedirectURIs, func(uri string) bool {
			host, local := redirectTarget(uri)
			return local || host != allowed
		})
	})
}

var errPeopleOnly = refusePage(http.StatusForbidden,
	"This page is for people, and the proxy in front of this server has not proven that one is here.")

// personHere refuses a page to machines.
func (s *Server) personHere(r *http.Request) error {
	if s.perimeter == nil {
		return nil
	}
	if who := identity.PerimeterOf(r.Context()); who.IsZero() || who.Service {
		return errPeopleOnly
	}
	return nil
}

// samePerson refuses a Microsoft account that is not that of the person who is proven
// to be here.
func (s *Server) samePerson(ctx context.Context, account entra.Account) error {
	if s.perimeter == nil {
		return nil
	}
	who := identity.PerimeterOf(ctx)
	if s.perimeter.owns(who, account) {
		return nil
	}
	principal := principalOf(account, "")
	principal.Perimeter = who
	return errors.Join(&oauthError{
		status: http.StatusForbidden, code: codeAccessDenied,
		description: "The proxy in front of this server knows you as " + displayText(who.Email, maxUPN) + ", and Microsoft as " + displayText(account.UPN, maxUPN) +
			". Sign in with the account that is yours, or ask the administrator to say that both are (perimeter.people).",
	}, s.record(ctx, eventPerimeterMismatch, principal, map[string]string{"at": "sign-in"}))
}

// ErrNotBearer means that the token is good, and not of who came with it.
var ErrNotBearer = errors.New("the token is not of who came with it")

// errUnbound: a new sign-in mends it.
var errUnbound = errors.New("the grant is from before a perimeter was declared")

// comesAs holds a grant's tokens to whom the grant is for, and records who else came
// with one.
func (s *Server) comesAs(ctx context.Context, grant Grant, at string) error {
	if s.perimeter == nil {
		return nil
	}
	who := identity.PerimeterOf(ctx)
	switch {
	case grant.Perimeter.IsZero():
		return errUnbound
	case !who.IsZero() && who.Same(grant.Perimeter):
		return nil
	}
	if who.Service && grant.Service == "" {
		client, err := s.client(ctx, grant.ClientID)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return fmt.Errorf("client of the grant: %w", err)
		}
		if err == nil && s.perimeter.carries(who, client) {
			return nil
		}
	}
	return s.mismatch(ctx, grant, who, at)
}

func (s *Server) mismatch(ctx context.Context, grant Grant, who identity.Perimeter, at string) error {
	principal := grant.principal(s.now())
	principal.Perimeter = who
	if err := s.record(ctx, eventPerimeterMismatch, principal, map[string]string{"at": at, "expected": grant.Perimeter.String()}); err != nil {
		return err
	}
	return ErrNotBearer
}

// redeemedBy is comesAs at the token endpoint.
func (s *Server) redeemedBy(ctx context.Context, grant Grant, bad *oauthError) error {
	err := s.comesAs(ctx, grant, "token")
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errUnbound), errors.Is(err, ErrNotBearer):
		return bad
	default:
		return asOAuth(err)
	}
}

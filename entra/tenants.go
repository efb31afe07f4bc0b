package entra

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const (
	// Organizations is the alias under which people of every tenant sign in.
	Organizations = "organizations"

	// personalTenant is the tenant id that all personal Microsoft accounts share.
	personalTenant = "9188040d-6c67-4c5b-b112-36a304b66dad"
)

var guid = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// Tenants says whose people may sign in: those of one tenant, of several, or of
// every tenant there is. Personal accounts never may: they have no tenant, and
// most of what this server offers does not exist there.
type Tenants struct {
	Name    string   // a tenant id, a verified domain, or [Organizations]
	Allowed []string // ids, with Organizations alone
	Any     bool     // with Organizations, in place of Allowed
}

func (t Tenants) several() bool { return strings.EqualFold(t.Name, Organizations) }

func (t Tenants) check() error {
	switch strings.ToLower(t.Name) {
	case "":
		return errors.New("microsoft tenant is not set")
	case "common", "consumers":
		return fmt.Errorf("microsoft tenant %q admits personal accounts: name a tenant, or use %q", t.Name, Organizations)
	}
	switch {
	case strings.ContainsAny(t.Name, "/?#%\\ ") || strings.Trim(t.Name, ".") == "":
		return fmt.Errorf("microsoft tenant %q: must be a tenant id, a domain or %q", t.Name, Organizations)
	case !t.several() && (t.Any || len(t.Allowed) > 0):
		return fmt.Errorf("microsoft tenant %q is one, and there is a list of allowed tenants: it needs %q", t.Name, Organizations)
	case t.several() && t.Any == (len(t.Allowed) > 0):
		return fmt.Errorf("microsoft tenant %q needs either a list of allowed tenants or that any is allowed", Organizations)
	}
	for _, id := range t.Allowed {
		if !guid.MatchString(id) || strings.EqualFold(id, personalTenant) {
			return fmt.Errorf("microsoft allowed tenant %q: must be the id of a tenant", id)
		}
	}
	return nil
}

// NotAdmittedError means that Microsoft vouches for the person, and this server
// does not take people of their tenant.
type NotAdmittedError struct {
	TenantID string
	Reason   string // in words, for the person
}

func (e *NotAdmittedError) Error() string {
	return fmt.Sprintf("entra: a person of tenant %q is not admitted: %s", e.TenantID, e.Reason)
}

// admit judges the tenant of a person; one is the id of the only tenant, if there is one.
func (t Tenants) admit(tid, one string) error {
	var reason string
	switch {
	case tid == personalTenant:
		reason = "This is a personal Microsoft account. Sign in with a work or school account."
	case one != "" && tid != one:
		reason = "This account belongs to another organization than the one that this server is for. Sign in with an account of that organization."
	case one == "" && !t.Any && !slices.ContainsFunc(t.Allowed, func(id string) bool { return strings.EqualFold(id, tid) }):
		reason = "The organization of this account is not among those that this server admits. Its administrator can add the tenant " + tid + "."
	default:
		return nil
	}
	return &NotAdmittedError{TenantID: tid, Reason: reason}
}

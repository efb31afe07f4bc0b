package entra

import (
	"context"
	"slices"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4/jwt"
)

// FederatedCredential says whose tokens stand for the app (workload identity
// federation). The three are compared exactly, case included.
type FederatedCredential struct {
	Issuer   string // URL, with discovery below it
	Subject  string // such as system:serviceaccount:namespace:name
	Audience string // such as api://AzureADTokenExchange
}

// checkFederated verifies another issuer's token in place of the app's own. The
// issuer's keys are read anew each time.
func (s *Server) checkFederated(ctx context.Context, client *Client, unproven jwt.Claims, raw string) *stsError {
	matching := client.Federated
	for _, step := range []struct {
		code  int
		what  string
		match func(FederatedCredential) bool
	}{
		{700211, "issuer '" + unproven.Issuer + "'", func(f FederatedCredential) bool { return f.Issuer == unproven.Issuer }},
		{700213, "subject '" + unproven.Subject + "'", func(f FederatedCredential) bool { return f.Subject == unproven.Subject }},
		{700212, "audience", func(f FederatedCredential) bool { return unproven.Audience.Contains(f.Audience) }},
	} {
		matching = slices.DeleteFunc(slices.Clone(matching), func(f FederatedCredential) bool { return !step.match(f) })
		if len(matching) == 0 {
			return invalidClient(step.code, "No matching federated identity record found for presented assertion "+step.what+
				". Check your federated identity credential Subject, Audience and Issuer against the presented assertion.")
		}
	}
	ctx = oidc.ClientContext(ctx, s.http)
	issuer, err := oidc.NewProvider(ctx, unproven.Issuer)
	if err != nil {
		return invalidClient(50166, "Request to External OIDC endpoint failed.")
	}
	verifier := issuer.VerifierContext(ctx, &oidc.Config{SkipClientIDCheck: true, SkipExpiryCheck: true})
	if _, err := verifier.Verify(ctx, raw); err != nil {
		return invalidClient(7000272, "The certificate with identifier used to sign the federated credential could not be found in the metadata of identity provider "+unproven.Issuer+".")
	}
	return s.checkTimes(unproven) // which the signature covers
}

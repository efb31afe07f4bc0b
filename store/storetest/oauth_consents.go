package storetest

import (
	"fmt"
	"testing"
	"time"

	"m365mcp/authserver"
)

const consentRedirect = "https://assistant.example/cb"

func oauthConsent(client, user string) authserver.Consent {
	return authserver.Consent{
		User: authserver.UserRef{TenantID: "tenant", UserID: user}, UPN: user + "@contoso.example", ClientID: client, RedirectURI: consentRedirect,
		Scopes: []string{"Mail.Read", "User.Read"}, Client: oauthDigest("metadata of " + client), AgreedAt: oauthStart,
	}
}

func oauthConsents(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	want := oauthConsent("a", "ann")
	wantErr(t, s.PutConsent(ctx, want), authserver.ErrNotFound) // no such client
	must(t, s.InsertClient(ctx, oauthClient("a"), oauthRoom))
	must(t, s.InsertClient(ctx, oauthClient("b"), oauthRoom))
	must(t, s.PutConsent(ctx, want))
	got, err := s.Consent(ctx, want.User, "a", consentRedirect)
	must(t, err)
	same(t, got, want)
	for name, key := range map[string]authserver.Consent{
		"tenant":   {User: authserver.UserRef{TenantID: "other", UserID: "ann"}, ClientID: "a", RedirectURI: consentRedirect},
		"user":     {User: authserver.UserRef{TenantID: "tenant", UserID: "bob"}, ClientID: "a", RedirectURI: consentRedirect},
		"client":   {User: want.User, ClientID: "b", RedirectURI: consentRedirect},
		"redirect": {User: want.User, ClientID: "a", RedirectURI: consentRedirect + "/"},
	} {
		_, err := s.Consent(ctx, key.User, key.ClientID, key.RedirectURI)
		if err == nil {
			t.Errorf("found for another %s", name)
			continue
		}
		wantErr(t, err, authserver.ErrNotFound)
	}

	later := want
	later.Scopes, later.UPN, later.Client, later.AgreedAt = []string{"Chat.Read"}, "ann.b@contoso.example", oauthDigest("new"), oauthStart.Add(time.Hour)
	must(t, s.PutConsent(ctx, later))
	got, err = s.Consent(ctx, want.User, "a", consentRedirect)
	must(t, err)
	same(t, got, later)
}

// oauthPutConsents stores them as agreed to now.
func oauthPutConsents(t *testing.T, s authserver.Store, all []authserver.Consent) {
	t.Helper()
	for i := range all {
		all[i].Epoch = oauthEpoch(t, s)
		must(t, s.PutConsent(t.Context(), all[i]))
	}
}

func oauthForgottenConsents(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	must(t, s.InsertClient(ctx, oauthClient("a"), oauthRoom))
	must(t, s.InsertClient(ctx, oauthClient("b"), oauthRoom))
	all := []authserver.Consent{oauthConsent("a", "ann"), oauthConsent("a", "ann"), oauthConsent("a", "bob"), oauthConsent("b", "ann")}
	all[1].RedirectURI = "http://127.0.0.1/cb"
	all[3].AgreedAt = oauthStart.Add(-time.Millisecond)
	check := func(what string, want ...bool) {
		t.Helper()
		var got []bool
		for _, c := range all {
			_, err := s.Consent(ctx, c.User, c.ClientID, c.RedirectURI)
			got = append(got, err == nil)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	ann := authserver.UserRef{TenantID: "tenant", UserID: "ann"}
	oauthPutConsents(t, s, all)
	check("all", true, true, true, true)
	must(t, s.ForgetConsents(ctx, ann, "a"))
	must(t, s.ForgetConsents(ctx, ann, "a"))
	check("of a person and a client", false, false, true, true)

	oauthPutConsents(t, s, all)
	must(t, s.DeleteConsents(ctx, oauthStart.Add(-time.Millisecond)))
	check("the old ones", true, true, true, false)

	for _, c := range []struct {
		selector authserver.Selector
		want     []bool
	}{
		{authserver.Selector{User: ann}, []bool{false, false, true, false}},
		{authserver.Selector{ClientID: "a"}, []bool{false, false, false, true}},
		{authserver.Selector{All: true}, []bool{false, false, false, false}},
	} {
		oauthPutConsents(t, s, all)
		must(t, s.Kill(ctx, c.selector, oauthStart))
		check(fmt.Sprintf("%+v", c.selector), c.want...)
		must(t, s.DeleteConsents(ctx, oauthStart.Add(-time.Hour)))
		check(fmt.Sprintf("%+v, deleted", c.selector), c.want...)
	}
	oauthPutConsents(t, s, all)
	check("agreed to after the kills", true, true, true, true)

	n, err := s.DeleteIdleClients(ctx, oauthStart.Add(time.Hour), oauthStart)
	must(t, err)
	same(t, n, 2)
	must(t, s.InsertClient(ctx, oauthClient("a"), oauthRoom))
	check("its client is gone", false, false, false, false)
}

func oauthDemands(t *testing.T, s authserver.Store) {
	ctx := t.Context()
	want := authserver.Demand{User: authserver.UserRef{TenantID: "tenant", UserID: "ann"}, ClientID: "a", Claims: `{"access_token":{}}`, At: oauthStart}
	wantErr(t, s.PutDemand(ctx, want), authserver.ErrNotFound) // no such client
	must(t, s.InsertClient(ctx, oauthClient("a"), oauthRoom))
	must(t, s.PutDemand(ctx, want))
	want.Claims, want.At = `{"access_token":{"nbf":{}}}`, oauthStart.Add(time.Hour)
	must(t, s.PutDemand(ctx, want))
	got, err := s.Demand(ctx, want.User, "a")
	must(t, err)
	same(t, got, want)
	_, err = s.Demand(ctx, want.User, "b")
	wantErr(t, err, authserver.ErrNotFound)
	_, err = s.Demand(ctx, authserver.UserRef{TenantID: "tenant", UserID: "bob"}, "a")
	wantErr(t, err, authserver.ErrNotFound)
	for range 2 {
		must(t, s.DeleteDemand(ctx, want.User, "a"))
	}
	_, err = s.Demand(ctx, want.User, "a")
	wantErr(t, err, authserver.ErrNotFound)

	must(t, s.InsertClient(ctx, oauthClient("b"), oauthRoom))
	other := authserver.Demand{User: authserver.UserRef{TenantID: "tenant", UserID: "bob"}, ClientID: "a", Claims: "{}", At: oauthStart}
	must(t, s.PutDemand(ctx, other))
	for _, client := range []string{"a", "b"} {
		want.ClientID = client
		must(t, s.PutDemand(ctx, want))
	}
	must(t, s.DeleteDemand(ctx, want.User, ""))
	for _, client := range []string{"a", "b"} {
		_, err = s.Demand(ctx, want.User, client)
		wantErr(t, err, authserver.ErrNotFound)
	}
	got, err = s.Demand(ctx, other.User, "a")
	must(t, err)
	same(t, got, other)
}

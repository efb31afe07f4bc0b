package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"golang.org/x/oauth2"

	"m365mcp/app"
	"m365mcp/config"
	"m365mcp/dial"
	"m365mcp/internal/headless"
	"m365mcp/internal/seal"
	"m365mcp/internal/secret"
)

// serve runs this process as one of the three.
func serve(ctx context.Context, role string, args []string) error {
	if role == "tenant" {
		return serveTenant(ctx)
	}
	if len(args) != 2 {
		return errors.New("a role needs the tenant and a folder")
	}
	var tenant ready
	if err := json.Unmarshal([]byte(args[0]), &tenant); err != nil {
		return err
	}
	switch role {
	case "ours":
		return serveOurs(ctx, tenant, args[1])
	case "bare":
		return serveBare(ctx, tenant)
	}
	return fmt.Errorf("unknown role %q", role)
}

func announce(r ready) error { return json.NewEncoder(os.Stdout).Encode(r) }

// redirect is one that Entra accepts with any port (RFC 8252 section 7.3), because
// several servers share the tenant.
const redirect = "http://localhost/callback"

// serveTenant is the upstream of all: Entra and Graph.
func serveTenant(ctx context.Context) error {
	s, err := app.StartSimulator(ctx, app.SimulatorOptions{
		EntraListen: "127.0.0.1:0", GraphListen: "127.0.0.1:0", RedirectURI: redirect,
		SignInAs: "ada", AccessTokenLifetime: 24 * time.Hour, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	token, err := graphToken(ctx, s)
	if err == nil {
		err = announce(ready{
			Entra: s.EntraURL, Graph: s.GraphURL, Tenant: s.TenantID, Client: s.ClientID, Secret: s.ClientSecret, Token: token, Person: "ada",
		})
	}
	if err == nil {
		untilEOF(ctx)
	}
	return errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
}

// graphToken signs in at the simulated Entra, for the server that has no sign-in of its own.
func graphToken(ctx context.Context, s *app.Simulator) (string, error) {
	c := oauth2.Config{
		ClientID: s.ClientID, ClientSecret: s.ClientSecret, RedirectURL: redirect,
		Endpoint: oauth2.Endpoint{
			AuthURL:  s.EntraURL + "/" + s.TenantID + "/oauth2/v2.0/authorize",
			TokenURL: s.EntraURL + "/" + s.TenantID + "/oauth2/v2.0/token",
		},
		Scopes: []string{"openid", "Mail.Read", "Mail.Send"},
	}
	verifier := oauth2.GenerateVerifier()
	a, err := headless.New(&http.Transport{}).Fetch(ctx, http.MethodGet, c.AuthCodeURL("state", oauth2.S256ChallengeOption(verifier)), "")
	if err != nil {
		return "", err
	}
	back, err := url.Parse(a.Header.Get("Location"))
	if err != nil {
		return "", err
	}
	token, err := c.Exchange(ctx, back.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		return "", err
	}
	return token.AccessToken, nil
}

// serveOurs is the product as `serve` runs it.
func serveOurs(ctx context.Context, tenant ready, folder string) (err error) {
	l, err := dial.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err := errors.Join(err, l.Close()); err != nil {
		return err
	}
	c := config.Default()
	c.Server.Listen, c.Server.PublicURL = "127.0.0.1:"+port, "http://localhost:"+port
	c.Database.URL = config.SQLiteURL(folder)
	c.Keys.Encryption = secret.New(seal.GenerateKey())
	c.Microsoft.TenantID, c.Microsoft.ClientID, c.Microsoft.ClientSecret = tenant.Tenant, tenant.Client, secret.New(tenant.Secret)
	c.Microsoft.Authority, c.Microsoft.GraphURL = tenant.Entra, tenant.Graph
	// A log that is written, to nowhere: its price is part of a call.
	nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, nowhere.Close()) }()
	a, err := app.New(ctx, c, slog.New(slog.NewTextHandler(nowhere, nil)))
	if err != nil {
		return err
	}
	if err := a.Start(ctx); err != nil {
		return err
	}
	if err := announce(ready{URL: a.MCPURL()}); err != nil {
		return err
	}
	untilEOF(ctx)
	return a.Stop(context.WithoutCancel(ctx))
}

type getArgs struct {
	Count int `json:"count"`
}

type sendArgs struct {
	To          string `json:"to"`
	Subject     string `json:"subject"`
	Body        string `json:"body"`
	ContentType string `json:"contentType"`
}

// serveBare is the least that fetches the same page: the SDK, one HTTP client, a fixed token.
func serveBare(ctx context.Context, tenant ready) error {
	graph := &bareGraph{base: tenant.Graph + "/v1.0", token: tenant.Token, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}}
	server := mcp.NewServer(&mcp.Implementation{Name: "bare", Version: "1"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "getEmails"}, func(ctx context.Context, _ *mcp.CallToolRequest, a getArgs) (*mcp.CallToolResult, any, error) {
		q := url.Values{
			"$select": {"id,subject,from,toRecipients,receivedDateTime,bodyPreview,isRead,hasAttachments,importance"},
			"$top":    {strconv.Itoa(a.Count)}, "$orderby": {"receivedDateTime desc"},
		}
		var page map[string]any
		err := graph.do(ctx, http.MethodGet, "/me/mailFolders/inbox/messages?"+q.Encode(), nil, &page)
		return nil, page, err
	})
	mcp.AddTool(server, &mcp.Tool{Name: "sendEmail"}, func(ctx context.Context, _ *mcp.CallToolRequest, a sendArgs) (*mcp.CallToolResult, any, error) {
		err := graph.do(ctx, http.MethodPost, "/me/sendMail", map[string]any{"message": map[string]any{
			"subject": a.Subject, "body": map[string]any{"contentType": a.ContentType, "content": a.Body},
			"toRecipients": []any{map[string]any{"emailAddress": map[string]any{"address": a.To}}},
		}}, nil)
		return nil, map[string]any{"sent": err == nil}, err
	})
	verifier := func(context.Context, string, *http.Request) (*auth.TokenInfo, error) {
		return &auth.TokenInfo{UserID: "bench", Expiration: time.Now().Add(time.Hour)}, nil
	}
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{Stateless: true})
	l, err := dial.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return err
	}
	srv := &http.Server{Handler: auth.RequireBearerToken(verifier, nil)(handler), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = srv.Serve(l) }()
	if err := announce(ready{URL: "http://" + l.Addr().String() + "/mcp", Token: "any"}); err != nil {
		return err
	}
	untilEOF(ctx)
	return srv.Close()
}

type bareGraph struct {
	base, token string
	client      *http.Client
}

func (g *bareGraph) do(ctx context.Context, method, path string, body, into any) (err error) {
	var reader io.Reader = http.NoBody
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		reader = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, g.base+path, reader)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+g.token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := g.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("graph answered %d", resp.StatusCode)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

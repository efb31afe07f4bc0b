package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"m365mcp/app"
	"m365mcp/config"
)

type simulatorCmd struct {
	Entra        string `required:"" placeholder:"ADDR" help:"Loopback address of the simulated Entra, such as 127.0.0.1:8366; port 0 takes a free one."`
	Graph        string `required:"" placeholder:"ADDR" help:"Loopback address of the simulated Graph, such as 127.0.0.1:8367; port 0 takes a free one."`
	ClientID     string `placeholder:"ID" help:"Client ID of the app registration that is accepted. Without one, a fixed one."`
	ClientSecret string `placeholder:"SECRET" help:"Its client secret. Without one, a random one."`
	RedirectURI  string `default:"http://127.0.0.1:8365/callback" placeholder:"URI" help:"Its redirect URI (${default})."`
	Tenant       string `placeholder:"ID" help:"Tenant ID. Without one, a fixed one."`
	SignInAs     string `placeholder:"NAME" help:"Skip the sign-in page and sign in as this person."`
	logLevel
}

func (c *simulatorCmd) Run(ctx context.Context, w world) error {
	sim, err := app.StartSimulator(ctx, app.SimulatorOptions{
		EntraListen:  c.Entra,
		GraphListen:  c.Graph,
		ClientID:     c.ClientID,
		ClientSecret: c.ClientSecret,
		RedirectURI:  c.RedirectURI,
		Tenant:       c.Tenant,
		SignInAs:     c.SignInAs,
		Logger:       newLogger(w.stderr, config.Log{Level: c.LogLevel}),
	})
	if err != nil {
		return err
	}
	if err := w.show(accepted(sim)); err != nil {
		return errors.Join(err, sim.Stop(context.WithoutCancel(ctx)))
	}
	return untilStopped(ctx, nil, sim.Stop)
}

// accepted says what the tenant accepts, as lines that a shell can read for "m365-mcp serve".
func accepted(sim *app.Simulator) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# A simulated Microsoft 365 tenant is ready. Stop it with Ctrl-C.
# It accepts this app registration; the lines are what "m365-mcp serve" needs for it.
MICROSOFT_AUTHORITY=%s
MICROSOFT_GRAPH_URL=%s
M365_MCP_MICROSOFT_STORAGE_HOSTS=%s
MICROSOFT_TENANT_ID=%s
MICROSOFT_CLIENT_ID=%s
MICROSOFT_CLIENT_SECRET=%s
M365_MCP_PUBLIC_URL=%s
# Redirect URI: %s
# People:
`, sim.EntraURL, sim.GraphURL, strings.TrimPrefix(sim.StorageURL, "http://"), sim.TenantID, sim.ClientID, quote(sim.ClientSecret),
		strings.TrimSuffix(sim.RedirectURI, "/callback"), sim.RedirectURI)
	for _, p := range sim.People {
		fmt.Fprintf(&b, "#   %s\t%s\t%s\n", p.UPN, p.Name, p.Title)
	}
	return b.String()
}

package app

import (
	"errors"

	"m365mcp/config"
	"m365mcp/dial"
	"m365mcp/gateway"
	"m365mcp/identity"
	"m365mcp/internal/secret"
	"m365mcp/tool"
	"m365mcp/tool/linked"
)

// linkedTools are the tools of the linked apps.
func linkedTools(c config.LinkedApps) ([]*tool.Tool, error) {
	var tools []*tool.Tool
	for _, a := range c.Apps {
		app := linked.App{Name: a.Name, Person: a.Auth != config.AuthHeader, Services: a.Services}
		for _, o := range c.Operations {
			if o.App == a.Name {
				app.Operations = append(app.Operations, linked.Operation{
					Name: o.Name, Description: o.Description, Method: o.Method, Path: o.Path, Query: o.Query, Body: o.Body,
				})
			}
		}
		some, err := linked.Tools(app)
		if err != nil {
			return nil, err
		}
		tools = append(tools, some...)
	}
	return tools, nil
}

// linkedApps are the gateway's ways to them: each has a client that reaches its origin alone.
func (a *App) linkedApps(c config.LinkedApps) ([]gateway.App, error) {
	var apps []gateway.App
	for _, one := range c.Apps {
		client, err := dial.Client("linked app "+one.Name, one.URL)
		if err != nil {
			return nil, usage("linked_apps: %w", err)
		}
		a.cleanups.add(closeIdle(client))
		apps = append(apps, gateway.App{
			Name: one.Name, URL: one.URL, HTTP: client, Timeout: one.Timeout, MaxBytes: one.MaxBytes, Services: one.Services, Credential: appCredential(one),
		})
	}
	return apps, nil
}

var errNoAssertion = errors.New("the call has no assertion of a person")

// appCredential says what proves a call to the app.
func appCredential(a config.LinkedApp) func(identity.Principal) (string, secret.String, error) {
	if a.Auth == config.AuthHeader {
		return func(identity.Principal) (string, secret.String, error) { return a.Header, a.Secret, nil }
	}
	return func(p identity.Principal) (string, secret.String, error) {
		switch {
		case p.Assertion.IsZero(), p.Perimeter.Service: // the tool has said so in words
			return "", secret.String{}, errNoAssertion
		case a.Auth == config.AuthAccessToken:
			return "Authorization", secret.New("Bearer " + p.Assertion.Reveal()), nil
		}
		return "Cf-Access-Token", p.Assertion, nil
	}
}

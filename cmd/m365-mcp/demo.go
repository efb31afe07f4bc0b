package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"m365mcp/app"
	"m365mcp/config"
)

type demoCmd struct {
	Listen   string `default:"127.0.0.1:8365" placeholder:"ADDR" help:"Loopback address of the MCP server; port 0 takes a free one (${default})."`
	Data     string `type:"path" placeholder:"DIR" help:"Folder for database and keys. Without one, a new folder in the system's temporary folder."`
	SignInAs string `placeholder:"NAME" help:"Skip the simulated sign-in page and sign in as this person: the part of the address before the @. An unknown name lists the choices."`
	Tools    string `default:"core" placeholder:"LIST" help:"Which tools are listed, as M365_MCP_TOOLS chooses them (${default}); with core,runWriteTool an assistant reaches all."`
	JSON     bool   `help:"Print one line of JSON when ready: {\"mcp\",\"entra\",\"graph\",\"data\"}."`
	logLevel
}

func (c *demoCmd) Run(ctx context.Context, w world) error {
	demo, err := app.StartDemo(ctx, app.DemoOptions{
		Listen:   c.Listen,
		DataDir:  c.Data,
		SignInAs: c.SignInAs,
		Tools:    c.Tools,
		Logger:   newLogger(w.stderr, config.Log{Level: c.LogLevel}),
	})
	if err != nil {
		return err
	}
	var text string
	if c.JSON {
		text, err = c.line(demo)
	} else {
		text = c.page(demo, w.program)
	}
	if err = errors.Join(err, w.show(text)); err != nil {
		return errors.Join(err, demo.Stop(context.WithoutCancel(ctx)))
	}
	return untilStopped(ctx, demo.Wait(), demo.Stop)
}

// line is for programs.
func (*demoCmd) line(demo *app.Demo) (string, error) {
	line, err := json.Marshal(struct {
		MCP   string `json:"mcp"`
		Entra string `json:"entra"`
		Graph string `json:"graph"`
		Data  string `json:"data"`
	}{demo.MCPURL, demo.EntraURL, demo.GraphURL, demo.DataDir})
	return string(line) + "\n", err
}

// page is for people.
func (c *demoCmd) page(demo *app.Demo, program string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `m365-mcp demo is ready. Stop it with Ctrl-C.

  MCP server	%[1]s
  Entra, Graph	%[2]s, %[3]s (simulated, in this process)
  data	%[4]s

Connect an assistant, then sign in as %[5]s:

  claude mcp add --transport http m365 %[1]s
  npx mcp-remote %[1]s --allow-http

  Other clients: %[6]s connect CLIENT --url %[1]s

People of the simulated tenant:

`, demo.MCPURL, demo.EntraURL, demo.GraphURL, demo.DataDir, cmp.Or(c.SignInAs, "anybody below"), program)
	for _, p := range demo.People {
		fmt.Fprintf(&b, "  %s\t%s\t%s\n", p.UPN, p.Name, p.Title)
	}
	fmt.Fprintf(&b, `
Every call is in the audit:

  %[1]s audit tail --follow --data %[2]s
  %[1]s audit verify --data %[2]s --key %[3]s

`, program, quote(demo.DataDir), quote(demo.AuditKey))
	return b.String()
}

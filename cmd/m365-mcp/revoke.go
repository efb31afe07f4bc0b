package main

import (
	"context"
	"errors"
	"fmt"

	"m365mcp/app"
)

type revokeCmd struct {
	auditDatabase
	User   string `placeholder:"NAME" help:"What a person has granted: user principal name, or TENANT/OBJECT, the ids of Entra."`
	Client string `placeholder:"ID" help:"What a client has been granted: its client_id."`
	Grant  string `placeholder:"ID" help:"One connection of one person."`
	All    bool   `help:"Everything, of everybody; asks for --yes."`
	Yes    bool   `help:"With --all: mean it."`
}

func (c *revokeCmd) Help() string {
	return `Ends the access that people have given to assistants, at once: within a second no server sends anything for it to Microsoft. Works beside running servers and without one, on SQLite and PostgreSQL. What was allowed is forgotten, so that the next sign-in asks again; sign-ins under way end too, except with --grant. The audit gets oauth.revoked, and has the ids: "audit tail" shows tenantId, userId, clientId and grantId.

Exit code 1: nothing matched, and nothing was revoked. People end their own connections on the page /connections.`
}

func (c *revokeCmd) Run(ctx context.Context, w world) error {
	named := 0
	for _, is := range []bool{c.User != "", c.Client != "", c.Grant != "", c.All} {
		if is {
			named++
		}
	}
	if named != 1 {
		return usageError{errors.New("say what to revoke, by exactly one of --user, --client, --grant and --all")}
	}
	if c.All && !c.Yes {
		return usageError{errors.New("--all ends the access of every assistant for everybody; if that is meant, add --yes")}
	}
	cfg, err := c.load(w)
	if err != nil {
		return err
	}
	done, err := app.Revoke(ctx, cfg, app.Revocation{User: c.User, Client: c.Client, Grant: c.Grant, All: c.All})
	if err != nil {
		return err
	}
	noun := "connections"
	if done.Grants == 1 {
		noun = "connection"
	}
	if err := w.show(fmt.Sprintf("Revoked: %d %s.\n", done.Grants, noun)); err != nil {
		return err
	}
	if !done.Recorded {
		w.complain("m365-mcp: the running server has not put it into the audit yet; it does so now or at its next start\n")
	}
	return nil
}

package main

import (
	"fmt"
	"strings"

	"m365mcp/cmd/m365-mcp/connect"
)

type connectCmd struct {
	Client string `arg:"" enum:"${clients}" help:"Which client; the names are above."`
	URL    string `name:"url" default:"http://127.0.0.1:8365/mcp" placeholder:"URL" help:"Address of the MCP endpoint (${default})."`
}

func (*connectCmd) Help() string {
	return "Clients:\n\n    " + strings.Join(connect.IDs(), "\n    ") +
		"\n\nEach text says whether it was run here, or from which documentation it is."
}

func (c *connectCmd) Run(w world) error {
	text, err := connect.Text(c.Client, c.URL)
	if err != nil {
		return usageError{err}
	}
	_, err = fmt.Fprint(w.stdout, text)
	return err
}

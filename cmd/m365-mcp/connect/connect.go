// Package connect holds the set-up of each MCP client as people copy it: one
// Markdown text per client in clients/, used by "m365-mcp connect" and by the
// README, so that both say the same.
package connect

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"text/template"

	"m365mcp/dial"
)

//go:embed clients/*.md
var texts embed.FS

// client is one product and the ground on which its text stands.
type client struct {
	id, title string
	web       bool   // it calls from its vendor's network, so it needs public HTTPS
	ran       string // version that this project's tests run, empty if none
	source    string // documentation that the text is from
	read      string // when that was read
}

const readOn = "22 November 2026"

var clients = []client{
	{id: "claude-code", title: "Claude Code", source: "https://code.claude.com/docs/en/mcp", read: readOn},
	{id: "claude-desktop", title: "Claude Desktop and claude.ai", source: "https://support.claude.com/en/articles/11175166", read: readOn},
	{id: "vscode", title: "Visual Studio Code", source: "https://code.visualstudio.com/docs/copilot/reference/mcp-configuration", read: readOn},
	{id: "cursor", title: "Cursor", source: "https://cursor.com/docs/mcp", read: readOn},
	{id: "chatgpt", title: "ChatGPT", web: true, source: "https://developers.openai.com/apps-sdk/deploy/connect-chatgpt", read: readOn},
	{id: "copilot-studio", title: "Microsoft Copilot Studio", web: true, source: "https://learn.microsoft.com/microsoft-copilot-studio/mcp-add-existing-server-to-agent", read: readOn},
	{id: "inspector", title: "MCP Inspector", ran: "2.12.0"},
	{id: "mcp-remote", title: "mcp-remote (for clients that speak stdio only)", ran: "0.15.1"},
}

// IDs names the clients, in the order of the README.
func IDs() []string {
	ids := make([]string, len(clients))
	for i, c := range clients {
		ids[i] = c.id
	}
	return ids
}

// Text is the set-up of one client for the MCP endpoint at rawURL.
func Text(id, rawURL string) (string, error) {
	i := slices.IndexFunc(clients, func(c client) bool { return c.id == id })
	if i < 0 {
		return "", fmt.Errorf("unknown client %q: one of %s", id, strings.Join(IDs(), ", "))
	}
	endpoint, err := parse(rawURL)
	if err != nil {
		return "", err
	}
	body, err := clients[i].render(endpoint)
	if err != nil {
		return "", err
	}
	return clients[i].title + "\n\n" + body, nil
}

// Markdown is the README's section: every client, at localURL, or at publicURL
// where it calls from its vendor's network.
func Markdown(localURL, publicURL string) (string, error) {
	local, err := parse(localURL)
	if err != nil {
		return "", err
	}
	public, err := parse(publicURL)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, c := range clients {
		endpoint := local
		if c.web {
			endpoint = public
		}
		body, err := c.render(endpoint)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "### %s\n\n%s\n", c.title, body)
	}
	how, err := execute("public.md", local)
	if err != nil {
		return "", err
	}
	b.WriteString("### A public address, for ChatGPT, Copilot Studio and claude.ai\n" + how)
	return b.String(), nil
}

// parse completes the address of a server to that of its MCP endpoint.
func parse(rawURL string) (*url.URL, error) {
	u, err := url.Parse(rawURL)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("--url is not the address of a server, such as https://mcp.example.com/mcp")
	}
	// The address goes into commands and JSON as it is.
	if strings.ContainsAny(rawURL, "'\"\\`$<> \t\r\n") {
		return nil, errors.New("--url has a character in it that no address needs")
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/mcp"
	}
	return u, nil
}

func (c client) render(u *url.URL) (string, error) {
	parts := []part{{c.id + ".md", u}}
	if c.web && !public(u) {
		parts = []part{{"unreachable.md", u}, {c.id + ".md", example}, {"public.md", u}}
	}
	var text strings.Builder
	for _, p := range parts {
		more, err := execute(p.file, p.url)
		if err != nil {
			return "", err
		}
		text.WriteString(more)
	}
	return text.String() + "\n" + c.provenance() + "\n", nil
}

// part is a text about an address.
type part struct {
	file string
	url  *url.URL
}

// example stands for the address that a server has yet to get.
var example = &url.URL{Scheme: "https", Host: "mcp.example.com", Path: "/mcp"}

// public tells whether a vendor's network can reach u.
func public(u *url.URL) bool { return unreachable(u) == "" }

// unreachable says why a vendor's network cannot reach u.
func unreachable(u *url.URL) string {
	addr, err := netip.ParseAddr(u.Hostname())
	switch {
	case dial.Loopback(u.Hostname()):
		return "is this computer alone"
	case err == nil && (addr.IsPrivate() || addr.IsLinkLocalUnicast()):
		return "is of this network alone"
	case u.Scheme != "https":
		return "is not reached by HTTPS"
	}
	return ""
}

func execute(name string, u *url.URL) (string, error) {
	t, err := template.ParseFS(texts, "clients/"+name)
	if err != nil {
		return "", fmt.Errorf("client texts: %w", err)
	}
	data := struct {
		URL       string
		Host      string
		PlainHTTP bool // mcp-remote has to be told
		Public    bool
		Reach     string // why it is not public
	}{u.String(), u.Host, u.Scheme == "http", public(u), unreachable(u)}
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		return "", fmt.Errorf("client text %s: %w", name, err)
	}
	return b.String(), nil
}

func (c client) provenance() string {
	if c.ran != "" {
		return fmt.Sprintf("Run here: version %s, by this project's tests.", c.ran)
	}
	return fmt.Sprintf("Not run here: from the product's documentation, %s, looked up on %s.", c.source, c.read)
}

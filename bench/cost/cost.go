// Package cost measures what the server costs a model to read: o200k tokens of
// the tool list in each selection, and of typical results. The command
// bench/tokens prints it as docs/tokens.md; an end-to-end test holds the limits.
package cost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/tiktoken-go/tokenizer"

	"m365mcp/app"
	"m365mcp/config"
	"m365mcp/internal/headless"
)

// List is the tool list of one selection.
type List struct {
	Preset        string
	Tools, Tokens int
}

// Answer is the result of one call. A client shows its model the text or the
// structured part, so each counts by itself.
type Answer struct {
	What, Call       string
	Text, Structured int
}

// Report is everything that was measured.
type Report struct {
	Lists   []List
	Answers []Answer
}

// Presets that are measured.
var Presets = []string{"core", "full", "read-only", "minimal", "email", "mail", "calendar", "teams", "files", "people", "tasks", "search"}

// Measure runs the demo once for each selection and asks it as a client does.
func Measure(ctx context.Context) (Report, error) {
	codec, err := tokenizer.Get(tokenizer.O200kBase)
	if err != nil {
		return Report{}, fmt.Errorf("tokenizer: %w", err)
	}
	var r Report
	for _, preset := range Presets {
		err := with(ctx, preset, func(s *mcp.ClientSession) error {
			list, err := s.ListTools(ctx, nil)
			if err != nil {
				return fmt.Errorf("tools/list: %w", err)
			}
			n, err := count(codec, list.Tools)
			if err != nil {
				return err
			}
			r.Lists = append(r.Lists, List{preset, len(list.Tools), n})
			if preset == "core" {
				r.Answers, err = answers(ctx, codec, s)
			}
			return err
		})
		if err != nil {
			return Report{}, fmt.Errorf("%s: %w", preset, err)
		}
	}
	return r, nil
}

// with runs the demo with a selection of tools and signs Ada in.
func with(ctx context.Context, preset string, do func(*mcp.ClientSession) error) (err error) {
	folder, err := os.MkdirTemp("", "m365-mcp-tokens-")
	if err != nil {
		return fmt.Errorf("folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	d, err := app.StartDemo(ctx, app.DemoOptions{
		Listen: "127.0.0.1:0", DataDir: folder, Logger: slog.New(slog.DiscardHandler),
		Configure: func(c *config.Config) { c.Tools.Preset = preset },
	})
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	transport := &http.Transport{}
	defer func() {
		transport.CloseIdleConnections()
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = errors.Join(err, d.Stop(stopping))
	}()
	tokens, err := headless.New(transport).SignIn(ctx, d.App.URL(), "ada@tideline.example")
	if err != nil {
		return fmt.Errorf("sign-in: %w", err)
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "tokens", Version: "1"}, nil)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{
		Endpoint: d.MCPURL, HTTPClient: &http.Client{Transport: bearer{transport, tokens.Access}},
	}, nil)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	return do(session)
}

// bearer adds a token to each request.
type bearer struct {
	next  http.RoundTripper
	token string
}

// RoundTrip implements http.RoundTripper.
func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.next.RoundTrip(r)
}

func count(codec tokenizer.Codec, v any) (int, error) {
	text, ok := v.(string)
	if !ok {
		b, err := json.Marshal(v)
		if err != nil {
			return 0, fmt.Errorf("encode: %w", err)
		}
		text = string(b)
	}
	n, err := codec.Count(text)
	if err != nil {
		return 0, fmt.Errorf("count: %w", err)
	}
	return n, nil
}

// answers measures typical calls.
func answers(ctx context.Context, codec tokenizer.Codec, s *mcp.ClientSession) ([]Answer, error) {
	newsletter, err := firstID(ctx, s, "searchEmails", map[string]any{"subject": Newsletter, "count": 1}, "emails")
	if err != nil {
		return nil, err
	}
	var out []Answer
	for _, c := range []struct {
		what, tool string
		args       map[string]any
	}{
		{"10 mails", "getEmails", map[string]any{}},
		{"10 mails found by a word", "searchEmails", map[string]any{"query": "harbour OR budget"}},
		{"a newsletter of 100 KB", "getEmail", map[string]any{"id": newsletter}},
		{"a week of events", "getCalendarEvents", map[string]any{}},
		{"25 tasks", "listTasks", map[string]any{}},
		{"20 chats", "listChats", map[string]any{}},
		{"10 files found by a word", "searchFiles", map[string]any{"query": "customs", "scope": "everywhere"}},
		{"a search in everything", "searchAll", map[string]any{"query": "budget"}},
		{"3 tools found", "findTools", map[string]any{"query": "who is free on Friday"}},
	} {
		result, err := s.CallTool(ctx, &mcp.CallToolParams{Name: c.tool, Arguments: c.args})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.tool, err)
		}
		text := textOf(result)
		if result.IsError {
			return nil, fmt.Errorf("%s: %s", c.tool, text) //nolint:err113 // words of the server
		}
		a := Answer{What: c.what, Call: c.tool}
		if a.Text, err = count(codec, text); err != nil {
			return nil, err
		}
		if a.Structured, err = count(codec, result.StructuredContent); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// Newsletter is in the subject of the longest mail of the demo.
const Newsletter = "Harbour & Freight Weekly"

func textOf(r *mcp.CallToolResult) string {
	var parts []string
	for _, c := range r.Content {
		if t, ok := c.(*mcp.TextContent); ok {
			parts = append(parts, t.Text)
		}
	}
	return strings.Join(parts, "\n")
}

// firstID calls a tool that lists and returns the id of the first item.
func firstID(ctx context.Context, s *mcp.ClientSession, name string, args map[string]any, list string) (string, error) {
	result, err := s.CallTool(ctx, &mcp.CallToolParams{Name: name, Arguments: args})
	if err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	structured, _ := result.StructuredContent.(map[string]any)
	items, _ := structured[list].([]any)
	if len(items) == 0 {
		return "", fmt.Errorf("%s found nothing: %s", name, textOf(result)) //nolint:err113 // words of the server
	}
	item, _ := items[0].(map[string]any)
	id, _ := item["id"].(string)
	return id, nil
}

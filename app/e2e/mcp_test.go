package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"m365mcp/simulator/graph"
)

// rpc is a JSON-RPC answer.
type rpc struct {
	ID     json.RawMessage `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// result is a tool's result.
type result struct {
	Content []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	} `json:"content"`
	Structured json.RawMessage `json:"structuredContent"`
	IsError    bool            `json:"isError"`
	Meta       map[string]any  `json:"_meta"`
}

func (r result) text() string {
	var b strings.Builder
	for _, c := range r.Content {
		b.WriteString(c.Text)
	}
	return b.String()
}

// post sends one message to /mcp.
func (d *demo) post(t *testing.T, token, body string, header ...string) answer {
	t.Helper()
	h := append([]string{
		"Content-Type", "application/json", "Accept", "application/json, text/event-stream",
		"Authorization", "Bearer " + token, "MCP-Protocol-Version", "2025-11-25",
	}, header...)
	return d.send(t, d.MCPURL, strings.NewReader(body), h...)
}

// request sends a JSON-RPC request and returns its answer, from JSON or an event stream.
func (d *demo) request(t *testing.T, token, method, params string) rpc {
	t.Helper()
	a := d.post(t, token, fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":%s}`, method, params))
	if a.status != http.StatusOK {
		t.Fatalf("%s: %d %s", method, a.status, a.body)
	}
	return parseRPC(t, a)
}

func parseRPC(t *testing.T, a answer) rpc {
	t.Helper()
	data := a.body
	if strings.HasPrefix(a.header.Get("Content-Type"), "text/event-stream") {
		lines := bufio.NewScanner(strings.NewReader(a.body))
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			if after, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				data = after
			}
		}
	}
	var out rpc
	if err := json.Unmarshal([]byte(data), &out); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return out
}

// call calls a tool.
func (d *demo) call(t *testing.T, token, tool, args string) result {
	t.Helper()
	r := d.request(t, token, "tools/call", fmt.Sprintf(`{"name":%q,"arguments":%s}`, tool, args))
	if r.Error != nil {
		t.Fatalf("%s: %+v", tool, r.Error)
	}
	var out result
	if err := json.Unmarshal(r.Result, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// asked is what reached Graph since a time.
func (d *demo) asked(since time.Time) []graph.Record {
	return slices.DeleteFunc(d.Simulator.Graph.Requests(), func(r graph.Record) bool { return r.Start.Before(since) })
}

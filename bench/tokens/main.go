// Command tokens prints docs/tokens.md: what the server costs a model to read.
//
//	go run ./bench/tokens > docs/tokens.md
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"m365mcp/bench/cost"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	report, err := cost.Measure(ctx)
	stop()
	if err == nil {
		err = write(os.Stdout, report)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tokens:", err)
		os.Exit(1)
	}
}

func write(w io.Writer, r cost.Report) error {
	var out strings.Builder
	out.WriteString(`# What it costs a model to read

o200k tokens, as ` + "`go run ./bench/tokens > docs/tokens.md`" + ` measures them on the demo: the tool list as clients get it (names, descriptions, both schemas, annotations), and results. A client shows its model the text of a result or its structured part, so each counts by itself.

## tools/list

| tools | number | tokens |
|---|---:|---:|
`)
	for _, l := range r.Lists {
		fmt.Fprintf(&out, "| `%s` | %d | %d |\n", l.Preset, l.Tools, l.Tokens)
	}
	out.WriteString(`
Beside them, measured on their own tool lists: the TypeScript system that this server replaces 801 for 9 tools; Softeria ms-365-mcp-server 249,674 by default.

## Results

| result | call | text | structured |
|---|---|---:|---:|
`)
	for _, a := range r.Answers {
		fmt.Fprintf(&out, "| %s | `%s` | %d | %d |\n", a.What, a.Call, a.Text, a.Structured)
	}
	out.WriteString(`
Beside them, for 10 mails: the TypeScript system 2,992, Softeria 2,426.

An end-to-end test (` + "`TestTokenLimits`" + `) holds ` + "`core`" + ` to 6,000, ` + "`full`" + ` to 15,000, 10 mails to 1,250 and the newsletter to 2,000.
`)
	_, err := io.WriteString(w, out.String())
	return err //nolint:wrapcheck // the caller names it
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/alecthomas/kong"

	"m365mcp/app"
	"m365mcp/cmd/m365-mcp/connect"
	"m365mcp/config"
)

// Exit codes, as the README names them.
const (
	exitFailed   = 1
	exitUsage    = 2
	exitTampered = 3
)

// errFailed means that the command has already said what failed.
var errFailed = errors.New("failed")

// errTampered means that the audit was read and did not prove itself.
var errTampered = errors.New("audit verification failed")

// usageError is a mistake in the arguments that the parser cannot see.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// world is what a command may touch outside of its arguments.
type world struct {
	program        string // how to call this program again
	environ        []string
	stdout, stderr io.Writer
}

// complain writes to standard error. Where that is gone, there is nobody left to tell.
func (w world) complain(format string, args ...any) { _, _ = fmt.Fprintf(w.stderr, format, args...) }

// show writes text to standard output, with its tabs as columns.
func (w world) show(text string) error {
	table := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
	_, err := io.WriteString(table, text)
	if err = errors.Join(err, table.Flush()); err != nil {
		return fmt.Errorf("standard output: %w", err)
	}
	return nil
}

type cli struct {
	DocumentWorker documentWorkerCmd `cmd:"" hidden:""`

	Demo      demoCmd      `cmd:"" help:"Run the server and a simulated Microsoft 365 tenant on this machine: no account, no configuration."`
	Serve     serveCmd     `cmd:"" help:"Run the server for a real tenant."`
	Check     checkCmd     `cmd:"" help:"Check configuration, keys, database, audit, tools, perimeter, redirect URI, Entra and Graph, with the fix for what fails."`
	Connect   connectCmd   `cmd:"" help:"Print how to connect an MCP client."`
	Audit     auditCmd     `cmd:"" help:"Read and prove the audit."`
	Config    configCmd    `cmd:"" help:"Help with the configuration file."`
	Erase     eraseCmd     `cmd:"" help:"Delete what the server keeps of a person."`
	Keys      keysCmd      `cmd:"" help:"Make the server's keys, rotate them, see what they seal."`
	Revoke    revokeCmd    `cmd:"" help:"End the access of assistants: of a person, of a client, or all."`
	Simulator simulatorCmd `cmd:"" help:"Run the simulated Microsoft 365 tenant alone."`
	Version   versionCmd   `cmd:"" help:"Print the version, as --version does."`

	ShowVersion kong.VersionFlag `name:"version" hidden:""`
}

const description = `AI assistants in Microsoft 365, on behalf of a signed-in person: an MCP server over Microsoft Graph with its own OAuth server.

Exit codes: 0 ok, 1 failed, 2 usage or configuration, 3 audit damaged or tampered with.`

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, w world) int {
	parser, err := kong.New(&cli{},
		kong.Name("m365-mcp"),
		kong.Description(description),
		kong.Writers(w.stdout, w.stderr),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(w),
		kong.Vars{"clients": strings.Join(connect.IDs(), ","), "version": version()},
	)
	if err != nil {
		w.complain("m365-mcp: %v\n", err)
		return exitFailed
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if err != nil {
		w.complain("m365-mcp: %v\nTry: m365-mcp %s\n", err, strings.Join(append(commandPath(err), "--help"), " "))
		return exitUsage
	}
	if err := command.Run(); err != nil {
		if !errors.Is(err, errFailed) {
			w.complain("m365-mcp: %v\n", err)
		}
		return exitCode(err)
	}
	return 0
}

// commandPath is the command that a mistaken line got as far as naming.
func commandPath(err error) []string {
	mistake, ok := errors.AsType[*kong.ParseError](err)
	if !ok || mistake.Context == nil {
		return nil
	}
	var path []string
	for _, step := range mistake.Context.Path {
		if step.Command != nil {
			path = append(path, step.Command.Name)
		}
	}
	return slices.Clip(path)
}

func exitCode(err error) int {
	if _, ok := errors.AsType[config.Errors](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[*app.UsageError](err); ok {
		return exitUsage
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	if errors.Is(err, errTampered) || errors.Is(err, app.ErrDamagedEntries) {
		return exitTampered
	}
	return exitFailed
}

// configFile is the flag of commands that read the configuration.
type configFile struct {
	Config string `placeholder:"FILE" env:"M365_MCP_CONFIG" help:"Configuration file. Without one, the environment alone counts."`
}

func (f configFile) load(w world) (config.Config, error) {
	return config.Load(f.Config, w.environ, os.ReadFile)
}

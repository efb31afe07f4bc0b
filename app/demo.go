package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"m365mcp/config"
	"m365mcp/dial"
	"m365mcp/internal/seal"
	"m365mcp/internal/secret"
	simulator "m365mcp/simulator/entra"
)

// DemoOptions configures StartDemo.
type DemoOptions struct {
	Listen   string
	DataDir  string // empty: a new temporary folder
	SignInAs string
	Tools    string // empty: the default of tools.preset
	Logger   *slog.Logger

	// For tests.
	App                 Options
	AccessTokenLifetime time.Duration // of the simulated Entra
	ConfigureEntra      func(*simulator.Options)
	Configure           func(*config.Config)
}

// Demo is the server and the simulated tenant in one process.
type Demo struct {
	MCPURL, EntraURL, GraphURL, DataDir string
	Database                            config.Database
	AuditKey                            string
	People                              []DemoPerson

	App       *App
	Simulator *Simulator
}

const encryptionKeyFile = "encryption.key"

// StartDemo starts both on loopback, with keys of their own in the data folder.
func StartDemo(ctx context.Context, o DemoOptions) (_ *Demo, err error) {
	if err := loopbackOnly(o.Listen); err != nil {
		return nil, usage("--listen: %w", err)
	}
	// First of all, because the redirect URI depends on the port, and a port in use leaves nothing behind.
	l, err := dial.Listen(ctx, o.Listen)
	if err != nil {
		return nil, usage("%w; choose another address with --listen", err)
	}
	d := &Demo{}
	defer func() {
		if err == nil {
			return
		}
		err = errors.Join(err, ignoreClosed(l.Close()))
		if d.Simulator != nil {
			err = errors.Join(err, d.Simulator.Stop(context.WithoutCancel(ctx)))
		}
	}()
	if o.DataDir == "" {
		if o.DataDir, err = os.MkdirTemp("", "m365-mcp-demo-"); err != nil {
			return nil, usage("data folder: %w; name one with --data", err)
		}
	}
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return nil, usage("data folder: %w; name another one with --data", err)
	}
	key, err := keyFile(filepath.Join(o.DataDir, encryptionKeyFile), func() (string, error) { return seal.GenerateKey(), nil })
	if err != nil {
		return nil, usage("data folder: %w; name another one with --data", err)
	}
	d.DataDir, d.Database.URL = o.DataDir, config.SQLiteURL(o.DataDir)
	public := "http://" + l.Addr().String()
	d.Simulator, err = StartSimulator(ctx, SimulatorOptions{
		EntraListen: "127.0.0.1:0", GraphListen: "127.0.0.1:0", SignInAs: o.SignInAs,
		RedirectURI:         public + "/callback",
		AccessTokenLifetime: o.AccessTokenLifetime, Now: o.App.Now, Logger: o.Logger, Configure: o.ConfigureEntra,
	})
	if err != nil {
		return nil, err
	}
	c := config.Default()
	c.Server.PublicURL, c.Database = public, d.Database
	c.Keys.Encryption = secret.New(key)
	c.Microsoft.TenantID, c.Microsoft.ClientID = d.Simulator.TenantID, d.Simulator.ClientID
	c.Microsoft.ClientSecret = secret.New(d.Simulator.ClientSecret)
	c.Microsoft.Authority, c.Microsoft.GraphURL = d.Simulator.EntraURL, d.Simulator.GraphURL
	c.Microsoft.StorageHosts = []string{strings.TrimPrefix(d.Simulator.StorageURL, "http://")}
	c.Tools.SharedMailboxes, c.Tools.AdminConsent = true, true
	c.Tools.Preset = cmp.Or(o.Tools, c.Tools.Preset)
	if o.Configure != nil {
		o.Configure(&c)
		d.Database = c.Database
	}
	if d.App, err = build(ctx, c, o.Logger, o.App, l); err != nil {
		return nil, err
	}
	if err = d.App.Start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start: %w", err), d.App.Stop(context.WithoutCancel(ctx)))
	}
	d.MCPURL, d.EntraURL, d.GraphURL = d.App.MCPURL(), d.Simulator.EntraURL, d.Simulator.GraphURL
	d.People, d.AuditKey = d.Simulator.People, d.App.AuditKey()
	return d, nil
}

// loopbackOnly refuses an address that other machines could reach: nothing
// stands before the demo, and its sign-in page lets anybody in as anybody.
func loopbackOnly(addr string) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("%w; write HOST:PORT, such as 127.0.0.1:0", err)
	}
	if !dial.Loopback(host) { // an empty host is every interface
		return fmt.Errorf("%s is not a loopback address, and anybody may sign in to a simulated tenant; "+
			"use 127.0.0.1:%s, from other machines through a tunnel (ssh -L)", addr, port)
	}
	return nil
}

// Wait yields the error that ended the serving before Stop was called.
func (d *Demo) Wait() <-chan error { return d.App.Done() }

// Stop ends server and tenant.
func (d *Demo) Stop(ctx context.Context) error {
	return errors.Join(d.App.Stop(ctx), d.Simulator.Stop(ctx))
}

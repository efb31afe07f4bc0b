// Package app is the composition root: it builds every part, connects them in
// the order of one call, and takes them down in reverse. Commands and
// end-to-end tests use it; nothing else does.
//
//	New    opens the listener, the store, the audit; wires the parts
//	Start  serves
//	Stop   drains requests, then closes what New opened, backwards
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"m365mcp/audit"
	"m365mcp/authserver"
	"m365mcp/config"
	"m365mcp/dial"
	"m365mcp/entra"
	"m365mcp/mcpserver"
	"m365mcp/perimeter"
	"m365mcp/rotation"
)

// UsageError is a mistake of whoever started the program: what is wrong and how to mend it.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

func usage(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// Limits of the HTTP server. An answer may take as long as a tool call, which has
// one timeout to decide and one to execute, and some time for a slow reader.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 60 * time.Second
	writeSlack        = 30 * time.Second
	idleTimeout       = 120 * time.Second
	maxHeaderBytes    = 64 << 10
	sweepInterval     = 10 * time.Minute
	ordersInterval    = time.Second
)

// App is the server with all its parts.
type App struct {
	config   config.Config
	log      *slog.Logger
	listener net.Listener
	http     *http.Server
	guard    *perimeter.Guard
	auth     *authserver.Server
	audit    *audit.Log
	auditKey string
	cleanups cleanups
	sweeps   []func(context.Context) error // of what has expired
	vault    *entra.Vault
	orders   authserver.Orders
	forgets  []func(context.Context, person) error

	cancel context.CancelFunc // of the background work
	served chan error         // the one result of Serve
	tasks  sync.WaitGroup     // the background work

	rotation *rotation.Rotation // nil where there is one encryption key
}

// Options are what tests and the demo add to a configuration.
type Options struct {
	Now    func() time.Time    // nil: the wall clock
	Extend mcpserver.Extension // fixtures of the conformance suite
	// DocumentWorker is the command that reads documents; empty: this program.
	DocumentWorker []string
	// Sessions turns on the SDK's sessions, for the conformance suite.
	Sessions bool
}

// New builds a server from a checked configuration. It listens, but serves nothing before Start.
func New(ctx context.Context, c config.Config, log *slog.Logger) (*App, error) {
	return NewWith(ctx, c, log, Options{})
}

// NewWith is New with options.
func NewWith(ctx context.Context, c config.Config, log *slog.Logger, o Options) (*App, error) {
	l, err := dial.Listen(ctx, c.Server.Listen)
	if err != nil {
		return nil, usage("%w; choose another address with M365_MCP_LISTEN", err)
	}
	a, err := build(ctx, c, log, o, l)
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return a, nil
}

// build takes over the listener only when it succeeds.
func build(ctx context.Context, c config.Config, log *slog.Logger, o Options, l net.Listener) (_ *App, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if c.Server.PublicURL == "" {
		c.Server.PublicURL = "http://" + l.Addr().String()
	}
	for _, w := range c.Warnings {
		log.WarnContext(ctx, "configuration", "warning", w)
	}
	a := &App{config: c, log: log, listener: l, served: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.cleanups.run(context.WithoutCancel(ctx)))
		}
	}()
	handler, err := a.wire(ctx, o)
	if err != nil {
		return nil, err
	}
	secure, err := newTLS(c)
	if err != nil {
		return nil, err
	}
	a.http = &http.Server{
		Handler:           handler,
		TLSConfig:         secure,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      readTimeout + 2*c.Gateway.Timeout + writeSlack,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	return a, nil
}

// URL is the public URL.
func (a *App) URL() string { return a.config.Server.PublicURL }

// MCPURL is the URL of the MCP endpoint.
func (a *App) MCPURL() string { return a.URL() + "/mcp" }

// AuditKey is the key that verifies the audit's checkpoints.
func (a *App) AuditKey() string { return a.auditKey }

// Start serves until Stop.
func (a *App) Start(ctx context.Context) error {
	if err := a.audit.Event(ctx, audit.Event{Type: "server.start", Attributes: map[string]string{"version": Version()}}); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a.cancel = cancel
	go func() { a.served <- a.serve() }()
	a.tasks.Go(func() { a.sweep(background) })
	a.tasks.Go(func() { a.rotate(background) })
	a.tasks.Go(func() { a.recordOrders(background) })
	a.tasks.Go(func() { a.vault.KeepFresh(background) })
	a.tasks.Go(func() { a.guard.KeepFresh(background) })
	a.log.InfoContext(ctx, "serving", "url", a.MCPURL(), "listen", a.listener.Addr().String(), "version", Version())
	return nil
}

func (a *App) serve() error {
	if a.http.TLSConfig != nil {
		return a.http.ServeTLS(a.listener, "", "")
	}
	return a.http.Serve(a.listener)
}

// Done yields the error that ended the serving before Stop was called.
func (a *App) Done() <-chan error { return a.served }

// Stop lets running requests finish until ctx ends, then closes everything.
func (a *App) Stop(ctx context.Context) error {
	err := a.http.Shutdown(ctx)
	if err != nil { // out of time: cut what still runs
		err = errors.Join(err, a.http.Close())
	}
	if a.cancel != nil {
		a.cancel()
		a.tasks.Wait()
	} else { // never started
		err = errors.Join(err, ignoreClosed(a.listener.Close()))
	}
	return errors.Join(err, a.cleanups.run(ctx))
}

func (a *App) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for _, sweep := range a.sweeps {
				if err := sweep(ctx); err != nil && ctx.Err() == nil {
					a.log.ErrorContext(ctx, "sweep", "error", err)
				}
			}
		}
	}
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// cleanups are run in reverse order, all of them, whatever some of them say.
type cleanups []func(context.Context) error

func (c *cleanups) add(f func(context.Context) error) { *c = append(*c, f) }

func (c *cleanups) run(ctx context.Context) error {
	var errs []error
	for _, f := range slices.Backward(*c) {
		errs = append(errs, f(ctx))
	}
	*c = nil
	return errors.Join(errs...)
}

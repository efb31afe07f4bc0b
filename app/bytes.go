package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"m365mcp/audit"
	"m365mcp/authserver"
	"m365mcp/blob"
	"m365mcp/config"
	"m365mcp/identity"
	"m365mcp/internal/seal"
	"m365mcp/ticket"
	"m365mcp/timezone"
	"m365mcp/tool"
)

// ticketPages is where people redeem tickets.
const ticketPages = "/tickets/"

// newSpool opens the spool of files on their way, beside the database.
func newSpool(ctx context.Context, a *App, db opened, keys *seal.Keyring, o Options) (*blob.Spool, error) {
	spool, err := blob.New(blob.Options{Files: db.files, Store: db.Blobs(), Keys: keys, Now: o.Now})
	if err != nil {
		return nil, usage("%w", err)
	}
	a.cleanups.add(func(context.Context) error { return spool.Close() })
	a.sweeps = append(a.sweeps, spool.Sweep)
	a.forgets = append(a.forgets, func(ctx context.Context, p person) error { return spool.Forget(ctx, blob.Person(p)) })
	// What a crash has left behind.
	if err := spool.Sweep(ctx); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	return spool, nil
}

// uploads hands the spool to the tools.
type uploads struct{ spool *blob.Spool }

// Find implements tool.Uploads.
func (u uploads) Find(ctx context.Context, p identity.Principal, id string) (tool.Source, error) {
	b, err := u.spool.Open(ctx, p, id)
	if errors.Is(err, blob.ErrNotFound) {
		return nil, &tool.Error{
			Code: tool.CodeNotFound, Message: "no file is here under this upload id: the person has not sent it yet, or did so more than an hour ago.",
			Action: "ask the person to send the file on the page they have, and call again; if the page has expired, uploadFile without content gives a new page and id.",
		}
	}
	if err != nil {
		return nil, fmt.Errorf("upload: %w", err)
	}
	return b, nil
}

// Store implements tool.Uploads.
func (u uploads) Store(ctx context.Context, p identity.Principal, name, contentType string, r io.Reader) (tool.Source, error) {
	info, err := u.spool.Create(ctx, p, blob.NewID(), name, contentType, r)
	if limit, ok := errors.AsType[*blob.LimitError](err); ok {
		return nil, &tool.Error{Code: tool.CodeTooLarge, Message: limit.Error() + ".", Action: "use a smaller file, or wait until earlier ones have expired (an hour)."}
	}
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	source, err := u.Find(ctx, p, info.ID)
	if err != nil {
		return nil, err
	}
	return fetched{source, func() error { return u.spool.Delete(context.WithoutCancel(ctx), p, info.ID) }}, nil
}

// fetched is a file that is in the spool for one call: it goes with it, and counts
// against nobody's room any longer.
type fetched struct {
	tool.Source
	remove func() error
}

// Close implements io.Closer.
func (f fetched) Close() error { return errors.Join(f.Source.Close(), f.remove()) }

// tickets hands tickets to the tools.
type tickets struct{ service *ticket.Service }

// Download implements tool.Tickets.
func (t tickets) Download(ctx context.Context, p identity.Principal, zone timezone.Zone, d tool.Download) (tool.Link, error) {
	return t.issue(ctx, p, ticket.Item{Kind: ticket.Download, Zone: zone.Label(), Tool: d.Tool, Args: d.Args, Name: d.Name, ContentType: d.ContentType, Size: d.Size})
}

// Upload implements tool.Tickets.
func (t tickets) Upload(ctx context.Context, p identity.Principal, zone timezone.Zone) (tool.Link, error) {
	return t.issue(ctx, p, ticket.Item{Kind: ticket.Upload, Zone: zone.Label()})
}

func (t tickets) issue(ctx context.Context, p identity.Principal, item ticket.Item) (tool.Link, error) {
	link, err := t.service.Issue(ctx, p, item)
	if errors.Is(err, ticket.ErrTooMany) {
		return tool.Link{}, &tool.Error{
			Code: tool.CodeThrottled, Message: "this person has too many open links.", Action: "use those that are there; each lasts ten minutes.",
		}
	}
	if err != nil {
		return tool.Link{}, fmt.Errorf("ticket: %w", err)
	}
	return tool.Link(link), nil
}

// newTickets connects tickets to who signs in, to the spool, and to the tools that
// read bytes. The runner comes later, because its tools issue tickets.
func newTickets(a *App, c config.Config, db database, keys *seal.Keyring, spool *blob.Spool, runner func() *tool.Runner, o Options) (*ticket.Service, error) {
	s, err := ticket.New(ticket.Options{
		PublicURL: c.Server.PublicURL, Store: db.Tickets(), Keys: keys, People: visitors{a.auth}, Files: spool,
		Fetch: fetch(runner), Audit: ticketAudit{a.audit}, Now: o.Now, Logger: a.log,
	})
	if err != nil {
		return nil, fmt.Errorf("tickets: %w", err)
	}
	a.sweeps = append(a.sweeps, s.Sweep)
	a.forgets = append(a.forgets, func(ctx context.Context, p person) error { return s.Forget(ctx, ticket.Person(p)) })
	return s, nil
}

// fetch has an internal tool send its bytes, through all the steps of a call.
func fetch(runner func() *tool.Runner) ticket.Fetch {
	return func(ctx context.Context, p identity.Principal, name string, args json.RawMessage, begin func(string, int64) (io.Writer, error)) error {
		err := runner().RunInternal(ctx, p, name, args, begin)
		if te, ok := errors.AsType[*tool.Error](err); ok {
			return fmt.Errorf("%w: %w", &ticket.RefusalError{Text: te.Text("download")}, err)
		}
		return err //nolint:wrapcheck // of our own runner
	}
}

// visitors tells tickets who is at a browser.
type visitors struct{ *authserver.Server }

// Session implements ticket.People.
func (v visitors) Session(r *http.Request) (ticket.Session, bool) {
	who, csrf, ok := v.Server.Session(r)
	return ticket.Session{TenantID: who.TenantID, UserID: who.UserID, UPN: who.UPN, CSRF: csrf}, ok
}

// ticketAudit puts what happens to tickets into the audit.
type ticketAudit struct{ log *audit.Log }

// Event implements ticket.Auditor.
func (t ticketAudit) Event(ctx context.Context, event string, who identity.Principal, attributes map[string]string) error {
	return t.log.Event(ctx, audit.Event{Type: event, Principal: who, Attributes: attributes}) //nolint:wrapcheck // the caller names it
}

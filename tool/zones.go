package tool

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"m365mcp/graph"
	"m365mcp/timezone"
)

// zoneScope is needed to read a mailbox's time zone.
const zoneScope = "MailboxSettings.Read"

const (
	zoneLife   = 10 * time.Minute
	zonesLimit = 20_000 // persons; then all are forgotten and asked for again
)

// Zones remembers the time zones of mailboxes for a few minutes: they are needed
// in most calls and hardly ever change.
type Zones struct {
	mu    sync.Mutex
	known map[string]knownZone // by person
}

type knownZone struct {
	zone  timezone.Zone
	until time.Time
}

// NewZones returns an empty memory.
func NewZones() *Zones { return &Zones{known: map[string]knownZone{}} }

// of returns the zone of the person's mailbox; UTC where it cannot be known: a
// time with its offset is right in any zone. A connection that has ended is an error.
func (z *Zones) of(ctx context.Context, c Call) (timezone.Zone, error) {
	if !c.Has(zoneScope) {
		return timezone.UTC, nil
	}
	key := c.Principal.UserKey()
	z.mu.Lock()
	known, ok := z.known[key]
	z.mu.Unlock()
	if ok && c.Now.Before(known.until) {
		return known.zone, nil
	}
	resp, err := c.Graph.Do(ctx, graph.Request{
		Method: graph.Get, Path: graph.Fixed("/me/mailboxSettings"), Query: graph.Query{}.Select("timeZone"),
	})
	if ge, ok := errors.AsType[*graph.Error](err); ok && slices.Contains(ended, ge.Kind) || ctx.Err() != nil {
		return timezone.Zone{}, err
	}
	if err != nil {
		return timezone.UTC, nil // the call goes on without it
	}
	var settings struct {
		TimeZone string `json:"timeZone"`
	}
	if resp.Decode(&settings) != nil {
		return timezone.UTC, nil
	}
	zone, err := timezone.Find(settings.TimeZone)
	if err != nil { // a zone of the mailbox's own making, "Customized Time Zone"
		zone = timezone.UTC
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	if len(z.known) >= zonesLimit {
		clear(z.known)
	}
	z.known[key] = knownZone{zone, c.Now.Add(zoneLife)}
	return zone, nil
}

// ended are the errors after which nothing else of the call can succeed.
var ended = []graph.Kind{graph.KindSignIn, graph.KindRevoked, graph.KindSealed}

package search

import (
	"context"
	"fmt"
	"strings"
	"time"

	"m365mcp/content"
	"m365mcp/handle"
	"m365mcp/timezone"
	"m365mcp/tool"
)

const maxSummary = 200

// shape makes results of hits, with short ids that the other families take.
func shape(ctx context.Context, c tool.Call, k kind, hits []found, zone timezone.Zone) ([]hit, error) {
	out, ids := make([]hit, len(hits)), make([]string, len(hits))
	for i, f := range hits {
		r := f.Resource
		h := hit{Type: k.name, Summary: content.Line(plain.Replace(f.Summary), maxSummary)}
		switch k.name {
		case "mail":
			ids[i], h.Title, h.From, h.Time = f.HitID, r.Subject, from(r.From), zone.Format(r.Received)
		case "event":
			ids[i], h.Title, h.From, h.Time = f.HitID, r.Subject, from(r.Organizer), zone.Format(r.Start.time())
		case "file":
			if r.ParentFolder.DriveID != "" {
				ids[i] = tool.DriveItem{Drive: r.ParentFolder.DriveID, Item: r.ID}.String()
			}
			h.Title, h.Time, h.URL = r.Name, zone.Format(r.Modified), content.Line(r.WebURL, 500)
		case "chat":
			ids[i], h.From, h.Time = r.ChatID, from(r.From), zone.Format(r.Created)
		case "site":
			ids[i], h.Title, h.URL = r.ID, r.DisplayName, content.Line(r.WebURL, 500)
		}
		h.Title = content.Line(h.Title, 200)
		out[i] = h
	}
	short, err := c.Short(ctx, handleKinds[k.name], ids)
	if err != nil {
		return nil, err
	}
	for i := range out {
		out[i].ID = short[i]
	}
	return out, nil
}

var handleKinds = map[string]handle.Kind{
	"mail": handle.KindMail, "event": handle.KindEvent, "file": handle.KindDriveItem, "chat": handle.KindChat, "site": handle.KindSite,
}

func from(s *sender) string {
	if s == nil {
		return ""
	}
	if name := s.User.DisplayName; name != "" {
		return content.Line(name, 100)
	}
	return content.Address(s.EmailAddress.Name, s.EmailAddress.Address)
}

// time is the instant; a search has no Prefer header that would set the zone.
func (d *dateTime) time() (t time.Time) {
	if d == nil {
		return t
	}
	zone := timezone.UTC
	if z, err := timezone.Find(d.TimeZone); err == nil {
		zone = z
	}
	t, _, err := zone.Parse(d.DateTime)
	if err != nil {
		return time.Time{}
	}
	return t
}

func (o searchOut) text() string {
	var b strings.Builder
	for _, h := range o.Results {
		fmt.Fprintf(&b, "- %s", h.Type)
		if h.ID != "" {
			fmt.Fprintf(&b, " [%s]", h.ID)
		}
		for _, s := range []string{h.Title, h.From, h.Time} {
			if s != "" {
				fmt.Fprintf(&b, ", %s", s)
			}
		}
		b.WriteByte('\n')
		if h.Summary != "" {
			fmt.Fprintf(&b, "  %s\n", h.Summary)
		}
	}
	if len(o.Results) == 0 {
		b.WriteString("Nothing found.\n")
	}
	for _, list := range []struct {
		says  string
		names []string
	}{{"There is more in", o.More}, {"Not searched, not granted", o.NotGranted}, {"Could not be searched now", o.Failed}} {
		if len(list.names) > 0 {
			fmt.Fprintf(&b, "%s: %s.\n", list.says, strings.Join(list.names, ", "))
		}
	}
	return b.String()
}

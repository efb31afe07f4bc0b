package files

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/tool"
)

// unknown is among the readers where there may be more than Graph tells.
const unknown = "unknown"

// maxReaders are named one by one; beyond that it is a crowd.
const maxReaders = 200

// permission is what the tools look at of Graph's permission resource.
type permission struct {
	Roles      []string                `json:"roles"`
	To         *granted                `json:"grantedToV2"`
	Invitation *invitation             `json:"invitation"`
	Link       *struct{ Scope string } `json:"link"`
	Users      []granted               `json:"grantedToIdentitiesV2"`
}

type invitation struct {
	Email string `json:"email"`
}

// granted is Graph's sharePointIdentitySet. Addresses are not in its description,
// which is open; Microsoft sends them for most people.
type granted struct {
	User            *account `json:"user"`
	SiteUser        *account `json:"siteUser"`
	Group           *account `json:"group"`
	SiteGroup       *account `json:"siteGroup"`
	SharePointGroup *account `json:"sharePointGroup"`
}

type account struct {
	ID          string `json:"id"`
	DisplayName string `json:"displayName"`
	Email       string `json:"email"`
	LoginName   string `json:"loginName"`
}

// readers name for policy who sees what is put into a folder or takes the place of a
// file, besides who puts it there: by address, else user:ID, group:ID, site:GROUP,
// or as shareFile does, organization and anyone. Only to the owner does Graph tell
// all (https://learn.microsoft.com/graph/api/driveitem-list-permissions).
func (s spot) readers(ctx context.Context, c tool.Call) ([]string, error) {
	template, values := "/me/drive/items/{item}/permissions", []string{top}
	if s.drive != "" {
		template, values = "/drives/{drive}/items/{item}/permissions", []string{s.drive, cmp.Or(s.item, top)}
	}
	path, err := graph.To(template, values...)
	if err != nil {
		return nil, err
	}
	list, next, err := graph.List[permission](ctx, c.Graph, graph.Request{Method: graph.Get, Path: path}, maxReaders)
	if ge, ok := errors.AsType[*graph.Error](err); ok && ge.Kind == graph.KindGraph && (ge.Status == 403 || ge.Status == 404) {
		return []string{unknown}, nil
	}
	if err != nil {
		return nil, err
	}
	all := s.drive == "" && next == "" // one's own
	var who []string
	for _, p := range list {
		others, mine := p.readers(c)
		who = append(who, others...)
		all = all || mine && next == "" && slices.Contains(p.Roles, "owner")
	}
	slices.Sort(who)
	who = slices.Compact(who)
	if len(who) > maxReaders {
		who, all = who[:maxReaders], false
	}
	if !all && !slices.Contains(who, unknown) {
		who = append(who, unknown)
	}
	return who, nil
}

// readers are those whom one permission lets in, but for the caller.
func (p permission) readers(c tool.Call) (others []string, mine bool) {
	switch {
	case p.Link != nil && p.Link.Scope == scopeAnonymous:
		return []string{anyone}, false
	case p.Link != nil && p.Link.Scope == scopeOrganization:
		return []string{scopeOrganization}, false
	case p.Link != nil && p.Link.Scope == "users":
		for _, g := range p.Users {
			if name, me := g.reader(c); !me {
				others = append(others, name)
			}
		}
		return others, false
	case p.Link != nil:
		return []string{unknown}, false
	case p.To == nil && p.Invitation != nil && p.Invitation.Email != "":
		return []string{p.Invitation.Email}, false
	case p.To == nil:
		return []string{unknown}, false
	}
	name, me := p.To.reader(c)
	if me {
		return nil, true
	}
	return []string{name}, false
}

func (g granted) reader(c tool.Call) (name string, me bool) {
	for _, u := range []*account{g.User, g.SiteUser} {
		if u == nil {
			continue
		}
		name := u.address()
		if u == g.User && u.ID == c.Principal.UserID || name != "" && (strings.EqualFold(name, c.Principal.UPN) || strings.EqualFold(name, c.Principal.Mail)) {
			return "", true
		}
		if name != "" {
			return name, false
		}
	}
	switch {
	case g.User != nil && g.User.ID != "":
		return "user:" + g.User.ID, false
	case g.Group != nil && g.Group.ID != "":
		return "group:" + g.Group.ID, false
	}
	for _, a := range []*account{g.SiteGroup, g.SharePointGroup, g.SiteUser} {
		if a != nil && a.DisplayName != "" {
			// Whoever runs a site names its groups: none may pass for an address.
			return "site:" + strings.ReplaceAll(content.Line(a.DisplayName, 256), "@", "%40"), false
		}
	}
	return unknown, false
}

// address is that of a person. A login name of SharePoint ends with it:
// i:0#.f|membership|ada@tideline.example.
func (a account) address() string {
	if a.Email != "" {
		return a.Email
	}
	if login := a.LoginName[strings.LastIndexByte(a.LoginName, '|')+1:]; strings.Contains(login, "@") {
		return login
	}
	return ""
}

package library

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
)

// Role is what somebody may do with an item. Higher ones hold the lower.
type Role int

// The roles.
const (
	None Role = iota
	Read
	Write
	Owner
)

// RoleNamed reads a role of Graph's; None where there is none of that name.
func RoleNamed(name string) Role {
	switch strings.ToLower(name) {
	case "read":
		return Read
	case "write":
		return Write
	case "owner", "sp.full control":
		return Owner
	default:
		return None
	}
}

// String is Graph's name of the role.
func (r Role) String() string { return [...]string{"", "read", "write", "owner"}[r] }

// Grant is a permission on an item: of a person, of an outsider, or of
// whoever follows a link.
type Grant struct {
	ID      string
	Person  *dataset.Person
	Email   string // of an outsider who was invited
	Role    Role
	Link    *Link
	Expires time.Time // zero: never
	By      *dataset.Person
	At      time.Time
	SignIn  bool
}

// Link is a sharing link.
type Link struct {
	Type     string // view, edit
	Scope    string // organization, users, anonymous
	URL      string
	Redeemed []*dataset.Person // who may use it, or has used it
}

func grantID(item, who string) string {
	return base64.RawURLEncoding.EncodeToString([]byte("i:0#.f|membership|" + item[len(item)-6:] + "|" + who))
}

// Role is what a person may do with an item: what was granted on it or above.
func (i *Item) Role(p *dataset.Person, now time.Time) Role {
	best := None
	if owner := i.Drive.Owner; owner != nil && owner.ID == p.ID {
		return Owner
	}
	if i.Drive.Site != nil {
		best = i.Drive.Site.Role(p)
	}
	for at := i; at != nil; at = at.Parent {
		for _, g := range at.Grants {
			if g.covers(p, now) {
				best = max(best, g.Role)
			}
		}
	}
	return best
}

func (g *Grant) covers(p *dataset.Person, now time.Time) bool {
	if !g.Expires.IsZero() && !now.Before(g.Expires) {
		return false
	}
	if g.Link != nil {
		return slices.Contains(g.Link.Redeemed, p)
	}
	return g.Person != nil && g.Person.ID == p.ID
}

// Role is what a person may do with the drive as a whole.
func (d *Drive) Role(p *dataset.Person, now time.Time) Role { return d.Root.Role(p, now) }

// Touches reports whether a person may see anything in the drive.
func (d *Drive) Touches(p *dataset.Person, now time.Time) bool {
	seen := d.Root.Role(p, now) > None
	d.Root.Walk(func(i *Item) { seen = seen || i.Role(p, now) > None })
	return seen
}

// Granted lists the permissions of an item with those it inherits, and where
// each comes from: the item itself or a folder above it.
func (i *Item) Granted(now time.Time) (grants []*Grant, from []*Item) {
	for at := i; at != nil; at = at.Parent {
		for _, g := range at.Grants {
			if g.Expires.IsZero() || now.Before(g.Expires) {
				grants, from = append(grants, g), append(from, at)
			}
		}
	}
	return grants, from
}

// Invite grants a role to a person or an outsider, or raises what there is.
func (i *Item) Invite(g Grant) *Grant {
	who := g.Email
	if g.Person != nil {
		who = g.Person.ID
	}
	g.ID = grantID(i.ID, who)
	at := slices.IndexFunc(i.Grants, func(o *Grant) bool { return o.ID == g.ID })
	i.Drive.changes++
	i.changed = i.Drive.changes
	if at >= 0 {
		*i.Grants[at] = g
		return i.Grants[at]
	}
	i.Grants = append(i.Grants, &g)
	return &g
}

// Share makes a link, or finds the one that there is.
func (i *Item) Share(link Link, expires time.Time, by *dataset.Person, now time.Time) (g *Grant, created bool) {
	role := Read
	if link.Type == "edit" {
		role = Write
	}
	if link.Scope != "users" {
		for _, g := range i.Grants {
			if g.Link != nil && g.Link.Type == link.Type && g.Link.Scope == link.Scope && g.Expires.Equal(expires) {
				return g, false
			}
		}
	}
	i.Drive.library.serial++
	key := dataset.DriveItemID(i.ID, "link "+strconv.Itoa(i.Drive.library.serial))
	kind := "u"
	if i.Folder {
		kind = "f"
	}
	host := strings.SplitAfterN(i.Drive.URL(), "/", 4)
	link.URL = strings.Join(host[:3], "") + ":" + kind + ":/g/" + key[2:]
	if i.Drive.Owner != nil {
		link.URL = strings.Join(host[:3], "") + ":" + kind + ":/g/personal/" + strings.Split(host[3], "/")[1] + "/" + key[2:]
	}
	g = &Grant{ID: key[2:18], Role: role, Link: &link, Expires: expires, By: by, At: now}
	i.Grants = append(i.Grants, g)
	i.Drive.changes++
	i.changed = i.Drive.changes
	return g, true
}

// Revoke takes a grant back. What is inherited is not of this item.
func (i *Item) Revoke(g *Grant) {
	i.Grants = slices.DeleteFunc(i.Grants, func(other *Grant) bool { return other == g })
}

// Follow finds the item behind a sharing link or an address for people. Whoever
// follows a link may see the item from then on.
func (l *Library) Follow(address string, p *dataset.Person, now time.Time) (*Item, error) {
	for _, d := range l.drives {
		for _, i := range d.items {
			if i.Deleted {
				continue
			}
			if i.URL() == address {
				if i.Role(p, now) == None {
					return nil, Denied("Access denied")
				}
				return i, nil
			}
			for _, g := range i.Grants {
				if g.Link == nil || g.Link.URL != address {
					continue
				}
				if !g.covers(p, now) && (g.Link.Scope == "users" || !g.Expires.IsZero() && !now.Before(g.Expires)) {
					return nil, Denied("Access denied")
				}
				if !slices.Contains(g.Link.Redeemed, p) {
					g.Link.Redeemed = append(g.Link.Redeemed, p)
				}
				return i, nil
			}
		}
	}
	return nil, NotFound()
}

// SharedWith lists what others have shared with a person, the folders and files themselves.
func (l *Library) SharedWith(p *dataset.Person, now time.Time) (items []*Item, grants []*Grant) {
	for _, d := range l.drives {
		if d.Owner != nil && d.Owner.ID == p.ID {
			continue
		}
		d.Root.Walk(func(i *Item) {
			for _, g := range i.Grants {
				if g.covers(p, now) {
					items, grants = append(items, i), append(grants, g)
					return
				}
			}
		})
	}
	return items, grants
}

// Package library is the state of the simulated OneDrive and SharePoint:
// drives with their items, who may see them, sites and their lists. It knows
// nothing of HTTP; what is asked for in vain is an error in Graph's own words.
package library

import (
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/query"
)

// quota is what a drive holds where nothing else is said: 1 TiB.
const quota = 1 << 40

// Pages is the paging of OneDrive's and SharePoint's lists.
var Pages = query.Pages{Standard: 200, Most: 1000}

// Library holds the drives and sites of a tenant. Its lock is held by whoever
// serves a request, reads included: hashes, texts and followed links are kept.
type Library struct {
	sync.Mutex

	Tenant *dataset.Tenant
	drives []*Drive
	sites  []*Site
	myHost string
	serial int
}

// Drive is a person's OneDrive or a site's document library.
type Drive struct {
	ID      string
	Name    string
	Owner   *dataset.Person // nil: a library
	Site    *Site           // nil: a OneDrive
	Root    *Item
	Total   int64
	Deleted int64 // bytes in the recycle bin

	library *Library
	items   map[string]*Item // deleted ones too
	changes int
}

// Site is a team site.
type Site struct {
	*dataset.Site
	Host  string
	Drive *Drive
}

// New returns a library with a copy of the files.
func New(tenant *dataset.Tenant, files *dataset.Files) *Library {
	l := &Library{Tenant: tenant, myHost: files.MyHost}
	for i := range files.Sites {
		l.sites = append(l.sites, &Site{Site: &files.Sites[i], Host: files.Host})
	}
	for _, content := range files.Drives {
		d := &Drive{ID: content.ID, Name: content.Name, Owner: l.person(content.OwnerID), Total: quota, library: l, items: map[string]*Item{}}
		if site := l.SiteByID(content.SiteID); site != nil {
			d.Site, site.Drive = site, d
		}
		for _, from := range content.Items {
			d.add(l.newItem(d, from))
		}
		if content.Full {
			d.Total = d.Used()
		}
		l.drives = append(l.drives, d)
	}
	return l
}

func (l *Library) newItem(d *Drive, from dataset.DriveItem) *Item {
	i := &Item{
		ID: from.ID, Name: from.Name, Folder: from.Folder, Special: from.Special, Created: from.Created, Modified: from.Modified,
		CreatedBy: l.person(from.CreatedBy), ModifiedBy: l.person(from.ModifiedBy), CheckedOut: l.person(from.CheckedOutBy),
		ContentType: from.ContentType, Content: from.Content, text: &from.Text, Drive: d, Parent: d.items[from.ParentID],
	}
	for _, s := range from.Shares {
		i.Grants = append(i.Grants, &Grant{ID: grantID(i.ID, s.PersonID), Person: l.person(s.PersonID), Role: RoleNamed(s.Role), By: i.CreatedBy, At: i.Modified})
	}
	return i
}

// person is nil for an empty id.
func (l *Library) person(id string) *dataset.Person {
	i := slices.IndexFunc(l.Tenant.People, func(p dataset.Person) bool { return p.ID == id })
	if i < 0 {
		return nil
	}
	return &l.Tenant.People[i]
}

// Find is a member of the tenant by object id, address or alias.
func (l *Library) Find(name string) *dataset.Person {
	i := slices.IndexFunc(l.Tenant.People, func(p dataset.Person) bool {
		alias, _, _ := strings.Cut(p.UPN, "@")
		return name != "" && (strings.EqualFold(p.ID, name) || strings.EqualFold(p.Mail, name) || strings.EqualFold(p.UPN, name) || strings.EqualFold(alias, name))
	})
	if i < 0 {
		return nil
	}
	return &l.Tenant.People[i]
}

// Drives are all drives, the personal ones first.
func (l *Library) Drives() []*Drive { return l.drives }

// DriveOf is a person's OneDrive; nil where there is none.
func (l *Library) DriveOf(p *dataset.Person) *Drive {
	for _, d := range l.drives {
		if d.Owner != nil && d.Owner.ID == p.ID {
			return d
		}
	}
	return nil
}

// Drive finds a drive by id.
func (l *Library) Drive(id string) (*Drive, error) {
	for _, d := range l.drives {
		if d.ID == id {
			return d, nil
		}
	}
	if !strings.HasPrefix(id, "b!") || len(id) < 20 {
		return nil, Invalid("The provided drive id appears to be malformed, or does not represent a valid drive.")
	}
	return nil, NotFound()
}

// Sites are those that a person may see.
func (l *Library) Sites(p *dataset.Person) []*Site {
	var out []*Site
	for _, s := range l.sites {
		if s.Role(p) > None {
			out = append(out, s)
		}
	}
	return out
}

// SiteByID finds a site by its full id or by one of the ids in it; nil where there is none.
func (l *Library) SiteByID(id string) *Site {
	for _, s := range l.sites {
		if strings.EqualFold(s.ID, id) || id != "" && slices.Contains(strings.Split(s.ID, ",")[1:], strings.ToLower(id)) {
			return s
		}
	}
	return nil
}

// SiteByPath finds a site by host and path below it; nil where there is none.
func (l *Library) SiteByPath(host, path string) *Site {
	for _, s := range l.sites {
		if strings.EqualFold(s.Host, host) && strings.EqualFold(strings.Trim(path, "/"), "sites/"+s.Name) {
			return s
		}
	}
	return nil
}

// URL is the address of the site for people.
func (s *Site) URL() string { return "https://" + s.Host + "/sites/" + url.PathEscape(s.Name) }

// Role is what a person may do in a site.
func (s *Site) Role(p *dataset.Person) Role {
	switch {
	case slices.Contains(s.Owners, p.ID):
		return Owner
	case slices.Contains(s.Members, p.ID):
		return Write
	case slices.Contains(s.Visitors, p.ID):
		return Read
	default:
		return None
	}
}

// URL is the address of the drive for people.
func (d *Drive) URL() string {
	if d.Site != nil {
		return d.Site.URL() + "/Shared%20Documents"
	}
	return "https://" + d.library.myHost + "/personal/" + strings.NewReplacer("@", "_", ".", "_").Replace(d.Owner.UPN) + "/Documents"
}

// Used is how many bytes the drive holds, previous versions and recycle bin aside.
func (d *Drive) Used() int64 { return d.Root.Size() }

// Remaining is how many bytes still fit.
func (d *Drive) Remaining() int64 { return max(0, d.Total-d.Used()-d.Deleted) }

// Item finds an item by id; "root" is one.
func (d *Drive) Item(id string) (*Item, error) {
	if strings.EqualFold(id, "root") {
		return d.Root, nil
	}
	if i := d.items[strings.ToUpper(id)]; i != nil && !i.Deleted {
		return i, nil
	}
	return nil, NotFound()
}

// Special finds a special folder by Graph's name of it.
func (d *Drive) Special(name string) (*Item, error) {
	for _, i := range d.Root.Children {
		if i.Special != "" && strings.EqualFold(i.Special, name) {
			return i, nil
		}
	}
	return nil, NotFound()
}

// ChangesSince lists the items that changed after a point, oldest change
// first, deleted ones too; now is the point to go on from. 0 is the beginning.
func (d *Drive) ChangesSince(point int) (changed []*Item, now int) {
	for _, i := range d.items {
		if i.changed >= point && (point > 0 || !i.Deleted) {
			changed = append(changed, i)
		}
	}
	slices.SortFunc(changed, func(a, b *Item) int {
		if a.changed != b.changed {
			return a.changed - b.changed
		}
		return strings.Compare(a.Path(), b.Path())
	})
	return changed, d.changes + 1
}

// add puts an item into its place.
func (d *Drive) add(i *Item) {
	d.items[i.ID] = i
	if i.Parent == nil {
		d.Root = i
		return
	}
	at, _ := slices.BinarySearchFunc(i.Parent.Children, i, byName)
	i.Parent.Children = slices.Insert(i.Parent.Children, at, i)
}

func byName(a, b *Item) int {
	if order := strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)); order != 0 {
		return order
	}
	return strings.Compare(a.ID, b.ID)
}

// touch notes a change of an item, and with it of the folders above.
func (d *Drive) touch(i *Item, by *dataset.Person, now time.Time) {
	d.changes++
	i.changed, i.Modified, i.ModifiedBy = d.changes, now, by
	i.version++
}

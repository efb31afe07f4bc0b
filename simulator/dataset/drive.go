package dataset

import (
	"cmp"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// Files is what the company keeps in OneDrive and SharePoint. It is written in
// content/drive/*.drive (see driveParser) and made by [LoadFiles].
type Files struct {
	Host   string // of the team sites
	MyHost string // of the personal drives
	Drives []Drive
	Sites  []Site

	injections []FileInjection
}

// FileInjections lists the files that carry instructions an assistant must not follow.
func (f *Files) FileInjections() []FileInjection { return slices.Clone(f.injections) }

// FileInjection is one hidden instruction: a witness for tests.
type FileInjection struct {
	DriveID, ItemID string
	Kind            string // how it hides: "docx-vanish", "alt-text", ...
	Marker          string // occurs in the text of the file
}

// Drive is a person's OneDrive or the document library of a site.
type Drive struct {
	ID      string
	OwnerID string // person; empty: a library
	SiteID  string // empty: a OneDrive
	Name    string
	Full    bool        // the quota is what is in it
	Items   []DriveItem // the root first, each after its folder
}

// DriveItem is a file or a folder.
type DriveItem struct {
	ID, ParentID      string // the root has no parent
	Name              string
	Folder            bool
	Special           string // Graph's name of a special folder ("documents"), or empty
	Created, Modified time.Time
	CreatedBy         string // person
	ModifiedBy        string // person
	CheckedOutBy      string // person; empty: nobody
	Shares            []Share
	ContentType       string
	Content           Content
	Text              string // what the content index knows of it
}

// Share is a right that somebody was given on an item.
type Share struct {
	PersonID string
	Role     string // read, write
}

// Site is a team site with one document library and some lists.
type Site struct {
	ID          string // host, site collection and web
	Name        string // in its address
	Title       string
	Description string
	Owners      []string // people
	Members     []string // people who may write
	Visitors    []string // people who may read
	Created     time.Time
	Lists       []List
}

// List is a SharePoint list.
type List struct {
	ID, Name, Description string
	Created               time.Time
	Columns               []Column
	Rows                  []Row
}

// Column is a column of a list.
type Column struct {
	Name    string
	Type    string // text, choice, number, dateTime, boolean
	Indexed bool
	Choices []string
}

// Row is an item of a list.
type Row struct {
	ID                string // "1", "2", ...
	Created, Modified time.Time
	By                string         // person
	Fields            map[string]any // by column: string, float64, bool or time.Time
}

// LoadFiles makes the files as they are at now. Ids do not depend on now; dates
// move with it.
func LoadFiles(t *Tenant, now time.Time) *Files {
	f, err := loadFiles(content, t, now)
	if err != nil {
		panic(fmt.Sprintf("dataset: the embedded files are broken: %v", err))
	}
	return f
}

func loadFiles(source fs.FS, t *Tenant, now time.Time) (*Files, error) {
	f := &Files{Host: "tideline.sharepoint.example", MyHost: "tideline-my.sharepoint.example"}
	p := &driveParser{clock: clock{now: now}, tenant: t, files: f, people: map[string]string{}}
	for _, person := range t.People {
		p.people[localPart(person.UPN)] = person.ID
	}
	names, err := fs.Glob(source, "content/drive/*.drive")
	if err != nil {
		return nil, fmt.Errorf("content: %w", err)
	}
	for _, name := range names {
		text, err := expandTemplate(source, name, p.clock)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if err := p.parse(text); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	slices.SortStableFunc(f.Drives, func(a, b Drive) int { return cmp.Compare(a.SiteID, b.SiteID) }) // the personal ones first
	return f, nil
}

// DriveOf is a person's OneDrive.
func (f *Files) DriveOf(person string) (*Drive, bool) {
	i := slices.IndexFunc(f.Drives, func(d Drive) bool { return d.OwnerID == person && person != "" })
	if i < 0 {
		return nil, false
	}
	return &f.Drives[i], true
}

// DriveID has the form of SharePoint's: site, web and list in base64url.
func driveID(name string) string {
	return "b!" + base64.RawURLEncoding.EncodeToString(expand(48, "drive", name))
}

// DriveItemID has the form of SharePoint's: "01", the drive and the item in
// base32, so that all ids of one drive share their beginning.
func DriveItemID(drive, key string) string {
	encode := base32.StdEncoding.EncodeToString
	return "01" + encode(expand(5, "drive prefix", drive))[:7] + encode(expand(20, "item", drive, key))[:25]
}

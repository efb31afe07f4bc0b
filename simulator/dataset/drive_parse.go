package dataset

import (
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// driveParser reads the format of content/drive/*.drive:
//
//	%site NAME     headers Title, Description, Owners, Members, Visitors, At
//	%list NAME     of that site; headers Description, Column (one each: "Status choice indexed: Open, Closed"), By, At; rows as CSV with a first line of column names
//	%drive NAME    a person's OneDrive, or the library of the site of that name; header Full
//	%folder PATH   headers At, By, Special, Share ("bruno read")
//	%file PATH     headers as of a folder, and Size (long content), CheckedOut, Injection; an empty line; the text
//
// A folder that is only named in a path comes to be with the first file in it.
type driveParser struct {
	clock  clock
	tenant *Tenant
	files  *Files
	people map[string]string // by local part

	drive *Drive
	key   string // of the drive, in ids
}

// entry is what the headers of a block say.
type entry struct {
	values  map[string]string
	columns []string
	shares  []string
	body    string
}

func (p *driveParser) parse(text string) error {
	for i, block := range strings.Split("\n"+text, "\n%") {
		if i == 0 { // what stands before the first block is for readers of the file
			continue
		}
		head, rest, _ := strings.Cut(block, "\n")
		kind, name, _ := strings.Cut(strings.TrimSpace(head), " ")
		if err := p.block(kind, name, rest); err != nil {
			return fmt.Errorf("block %%%s %s: %w", kind, name, err)
		}
	}
	return nil
}

func (p *driveParser) block(kind, name, text string) error {
	e, err := readEntry(text)
	if err != nil {
		return err
	}
	switch kind {
	case "site":
		return p.site(name, e)
	case "list":
		return p.list(name, e)
	case "drive":
		return p.newDrive(name, e)
	case "folder", "file":
		if p.drive == nil {
			return errors.New("stands before its drive")
		}
		_, err := p.item(name, kind == "folder", e)
		return err
	default:
		return errors.New("is unknown")
	}
}

func readEntry(text string) (entry, error) {
	e := entry{values: map[string]string{}}
	for text != "" {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		if strings.TrimSpace(line) == "" {
			break
		}
		name, value, found := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch {
		case !found:
			return e, fmt.Errorf("%q is not a header", line)
		case name == "Column":
			e.columns = append(e.columns, value)
		case name == "Share":
			e.shares = append(e.shares, value)
		default:
			e.values[name] = value
		}
	}
	e.body = strings.TrimSpace(text) + "\n"
	return e, nil
}

func (p *driveParser) persons(list string) ([]string, error) {
	var out []string
	for name := range strings.FieldsSeq(list) {
		id, ok := p.people[name]
		if !ok {
			return nil, fmt.Errorf("nobody is called %q", name)
		}
		out = append(out, id)
	}
	return out, nil
}

func (p *driveParser) site(name string, e entry) (err error) {
	s := Site{
		ID:   p.files.Host + "," + objectID("site collection", name) + "," + objectID("web", name),
		Name: name, Title: e.values["Title"], Description: e.values["Description"],
	}
	for into, list := range map[*[]string]string{&s.Owners: "Owners", &s.Members: "Members", &s.Visitors: "Visitors"} {
		if *into, err = p.persons(e.values[list]); err != nil {
			return err
		}
	}
	if s.Created, err = p.clock.at(e.values["At"]); err != nil {
		return err
	}
	p.files.Sites = append(p.files.Sites, s)
	return nil
}

func (p *driveParser) newDrive(name string, e entry) error {
	d := Drive{ID: driveID(name), Name: "OneDrive", OwnerID: p.people[name], Full: e.values["Full"] != ""}
	by := d.OwnerID
	if d.OwnerID == "" {
		i := slices.IndexFunc(p.files.Sites, func(s Site) bool { return s.Name == name })
		if i < 0 {
			return errors.New("is of no person and no site")
		}
		d.SiteID, d.Name, by = p.files.Sites[i].ID, "Documents", p.files.Sites[i].Owners[0]
	}
	created := p.clock.workday(-300)
	d.Items = []DriveItem{{ID: DriveItemID(name, "/"), Name: "root", Folder: true, Created: created, Modified: created, CreatedBy: by, ModifiedBy: by}}
	p.files.Drives = append(p.files.Drives, d)
	p.drive, p.key = &p.files.Drives[len(p.files.Drives)-1], name
	return nil
}

// item adds a file or a folder, and the folders above it that are not there yet.
func (p *driveParser) item(name string, folder bool, e entry) (string, error) {
	id := DriveItemID(p.key, name)
	if slices.ContainsFunc(p.drive.Items, func(i DriveItem) bool { return i.ID == id }) {
		return id, errors.New("is there twice")
	}
	at, err := p.clock.at(e.values["At"])
	if err != nil {
		return id, err
	}
	parent := p.drive.Items[0].ID
	if dir := path.Dir(name); dir != "." {
		parent = DriveItemID(p.key, dir)
		if !slices.ContainsFunc(p.drive.Items, func(i DriveItem) bool { return i.ID == parent }) {
			above := entry{values: map[string]string{"At": e.values["At"], "By": e.values["By"]}}
			if parent, err = p.item(dir, true, above); err != nil {
				return id, err
			}
		}
	}
	by := cmp.Or(p.people[e.values["By"]], p.drive.Items[0].CreatedBy)
	item := DriveItem{
		ID: id, ParentID: parent, Name: path.Base(name), Folder: folder, Special: e.values["Special"],
		Created: at.Add(-time.Duration(1+draw(40, "drafted", id)) * time.Hour), Modified: at, CreatedBy: by, ModifiedBy: by,
		CheckedOutBy: p.people[e.values["CheckedOut"]],
	}
	for _, share := range e.shares {
		who, role, _ := strings.Cut(share, " ")
		people, err := p.persons(who)
		if err != nil {
			return id, err
		}
		item.Shares = append(item.Shares, Share{PersonID: people[0], Role: role})
	}
	if !folder {
		if err := p.fill(&item, e); err != nil {
			return id, err
		}
	}
	p.drive.Items = append(p.drive.Items, item)
	return id, nil
}

func (p *driveParser) fill(item *DriveItem, e entry) error {
	contentType, made, err := driveFile(item.Name, e.body, item.Modified)
	if err != nil {
		return err
	}
	item.ContentType, item.Content, item.Text = contentType, BytesContent(made), strings.ReplaceAll(e.body, hiddenMark, "")
	if path.Ext(item.Name) == ".png" {
		item.Text = ""
	}
	if size := e.values["Size"]; size != "" {
		n, err := strconv.ParseInt(size, 10, 64)
		if err != nil {
			return fmt.Errorf("size: %w", err)
		}
		item.Content = repeated(e.body, n)
	}
	if injection := e.values["Injection"]; injection != "" {
		kind, marker, _ := strings.Cut(injection, " ")
		p.files.injections = append(p.files.injections, FileInjection{DriveID: p.drive.ID, ItemID: item.ID, Kind: kind, Marker: marker})
	}
	return nil
}

func (p *driveParser) list(name string, e entry) (err error) {
	if len(p.files.Sites) == 0 {
		return errors.New("stands before its site")
	}
	site := &p.files.Sites[len(p.files.Sites)-1]
	l := List{ID: objectID("list", site.Name+"/"+name), Name: name, Description: e.values["Description"]}
	if l.Created, err = p.clock.at(e.values["At"]); err != nil {
		return err
	}
	for _, text := range e.columns {
		head, choices, _ := strings.Cut(text, ": ")
		words := strings.Fields(head)
		c := Column{Name: words[0], Type: words[1], Indexed: slices.Contains(words, "indexed")}
		if choices != "" {
			c.Choices = strings.Split(choices, ", ")
		}
		l.Columns = append(l.Columns, c)
	}
	records, err := csv.NewReader(strings.NewReader(e.body)).ReadAll()
	if err != nil {
		return fmt.Errorf("rows: %w", err)
	}
	for i, record := range records[1:] {
		row := Row{ID: strconv.Itoa(i + 1), By: cmp.Or(p.people[e.values["By"]], site.Owners[0]), Fields: map[string]any{}}
		row.Created = l.Created.Add(time.Duration(i) * 3 * time.Hour)
		row.Modified = row.Created.Add(time.Duration(draw(90, "row", l.ID, row.ID)) * time.Hour)
		if row.Modified.After(p.clock.now) {
			row.Modified = p.clock.now
		}
		for j, value := range record {
			if row.Fields[records[0][j]], err = l.value(records[0][j], value); err != nil {
				return fmt.Errorf("row %d: %w", i+1, err)
			}
		}
		l.Rows = append(l.Rows, row)
	}
	site.Lists = append(site.Lists, l)
	return nil
}

// value reads a cell by the type of its column.
func (l *List) value(column, text string) (any, error) {
	i := slices.IndexFunc(l.Columns, func(c Column) bool { return c.Name == column })
	if i < 0 {
		return nil, fmt.Errorf("column %q does not exist", column)
	}
	switch l.Columns[i].Type {
	case "number":
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", column, err)
		}
		return n, nil
	case "dateTime":
		at, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", column, err)
		}
		return at, nil
	case "boolean":
		return text == "yes", nil
	default:
		return text, nil
	}
}

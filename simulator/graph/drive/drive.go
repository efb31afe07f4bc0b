// Package drive is the files of the simulated Graph: OneDrive and the document
// libraries of SharePoint, and with package site their sites and lists.
//
//	operations  templates, scopes, and the four ways to address an item
//	items       get, list, search, change, copy, delete
//	content     small uploads, and downloads from pre-authorized URLs
//	upload      the sessions of large uploads
//	sharing     links, invitations, permissions, what is shared with one
//	wire        Graph's JSON of drives, items and permissions
//
// The state is in package library.
package drive

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/drive/library"
	"m365mcp/simulator/graph/drive/site"
	"m365mcp/simulator/graph/service"
)

// Options are what a [Service] is made of.
type Options struct {
	Tenant *dataset.Tenant
	Files  *dataset.Files
	Now    func() time.Time

	// AnonymousLinks is the tenant's setting to share with whoever has the link.
	AnonymousLinks bool
}

// Service answers for drives, their items, sites and lists.
type Service struct {
	opts    Options
	library *library.Library
	sites   *site.Service
	key     []byte // signs download URLs

	// Guarded by the library's lock.
	uploads map[string]*upload
	copies  map[string]*copyJob
}

// New returns a service with a copy of the files, so that several may share
// one data set.
func New(opts Options) *Service {
	s := &Service{opts: opts, library: library.New(opts.Tenant, opts.Files), key: make([]byte, 32), uploads: map[string]*upload{}, copies: map[string]*copyJob{}}
	s.sites = site.New(s.library)
	_, _ = rand.Read(s.key) // never fails, crypto/rand
	return s
}

// Library is the state, for the search.
func (s *Service) Library() *library.Library { return s.library }

// StorageHandlers serve the pre-authorized URLs.
func (s *Service) StorageHandlers() map[string]http.Handler {
	return map[string]http.Handler{
		uploadPrefix:   http.HandlerFunc(s.serveUpload),
		downloadPrefix: http.HandlerFunc(s.serveDownload),
		monitorPrefix:  http.HandlerFunc(s.serveMonitor),
	}
}

func writeJSON(w http.ResponseWriter, status int, value map[string]any) {
	service.StorageAnswer{Status: status, Value: value}.Write(w, nil)
}

func writeError(w http.ResponseWriter, err error) { service.StorageAnswer{}.Write(w, err) }

func randomID() string {
	var b [20]byte
	_, _ = rand.Read(b[:]) // never fails, crypto/rand
	return hex.EncodeToString(b[:])
}

// request is a call with what it is about.
type request struct {
	*service.Call

	me    *dataset.Person // as the library knows the caller
	drive *library.Drive
	write bool // the operation changes something
}

// open finds the drive of a call and checks that the scopes reach it.
// Files.Read and Files.ReadWrite are for the caller's own files; what belongs
// to others needs a scope that ends in .All (Graph permissions reference).
func (s *Service) open(c *service.Call, write bool) (*request, error) {
	r := &request{Call: c, me: s.library.Find(c.Me.ID), write: write}
	var err error
	if id, named := c.Params["drive-id"]; named {
		r.drive, err = s.library.Drive(id)
	} else if id, named = c.Params["site-id"]; named {
		r.drive, err = s.siteDrive(c, id)
	} else if r.drive = s.library.DriveOf(c.Owner); r.drive == nil {
		err = library.NotFound()
	}
	if err != nil {
		return nil, err
	}
	return r, r.reach(r.drive)
}

// siteDrive is a site's document library.
func (s *Service) siteDrive(c *service.Call, id string) (*library.Drive, error) {
	found, err := s.sites.Find(c, id)
	if err != nil {
		return nil, err
	}
	return found.Drive, nil
}

func (r *request) reach(d *library.Drive) error {
	if d.Owner != nil && d.Owner.ID == r.me.ID {
		return nil
	}
	scopes := []string{"Files.ReadWrite.All", "Sites.ReadWrite.All"}
	if !r.write {
		scopes = append(scopes, "Files.Read.All", "Sites.Read.All")
	}
	if !r.Claims.HasAny(scopes...) {
		return library.Denied("Either scp or roles claim need to be present in the token.")
	}
	return nil
}

// allow checks what the person may do with an item.
func (r *request) allow(i *library.Item, role library.Role) error {
	if i.Role(r.me, r.Now) < role {
		return library.Denied("Access denied")
	}
	return nil
}

// base is the item that the address starts from, before its path.
func (r *request) base() (*library.Item, error) {
	id, named := r.Params["driveItem-id"]
	switch {
	case !named:
		return r.drive.Root, nil
	case strings.Contains(r.Operation.Template, "/special/"): // Graph's name for it, whatever language it is in
		return r.drive.Special(id)
	default:
		return r.drive.Item(id)
	}
}

// item is the item that the address names.
func (r *request) item(role library.Role) (*library.Item, error) {
	i, err := r.base()
	if err != nil {
		return nil, err
	}
	if path, ok := r.Params["path"]; ok {
		if i, err = i.At(path); err != nil {
			return nil, err
		}
	}
	return i, r.allow(i, role)
}

// place is an item that need not be there yet: its folder and its name. Folders
// on the way to it come to be with it.
func (r *request) place() (folder *library.Item, names []string, existing *library.Item, err error) {
	folder, err = r.base()
	if err != nil {
		return nil, nil, nil, err
	}
	path, ok := r.Params["path"]
	if !ok {
		return folder.Parent, nil, folder, r.allow(folder, library.Write)
	}
	names = strings.Split(path, "/")
	for len(names) > 1 {
		next := folder.Child(names[0])
		if next == nil {
			break
		}
		folder, names = next, names[1:]
	}
	for _, name := range names {
		if err := library.CheckName(name); err != nil {
			return nil, nil, nil, err
		}
	}
	if !folder.Folder {
		return nil, nil, nil, library.NotFound()
	}
	if len(names) == 1 {
		existing = folder.Child(names[0])
	}
	if existing != nil {
		return folder, names, existing, r.allow(existing, library.Write)
	}
	return folder, names, nil, r.allow(folder, library.Write)
}

// makeFolders makes those on the way to the last name.
func (r *request) makeFolders(folder *library.Item, names []string) (*library.Item, string, error) {
	for len(names) > 1 {
		next, err := folder.NewFolder(names[0], library.Replace, r.me, r.Now)
		if err != nil {
			return nil, "", err
		}
		folder, names = next, names[1:]
	}
	return folder, names[0], nil
}

// ifMatch holds the If-Match header against the item, as eTag or as cTag.
func (r *request) ifMatch(i *library.Item) error {
	want := r.Request.Header.Get("If-Match")
	if want != "" && want != "*" && want != i.ETag() && want != i.CTag() {
		return library.Modified()
	}
	return nil
}

package drive

import (
	"net/http"
	"slices"
	"strings"

	"m365mcp/simulator/graph/drive/library"
	"m365mcp/simulator/graph/service"
)

// The delegated scopes that suffice, from microsoft-graph-devx-content,
// permissions/new/permissions.json of August 2026.
var (
	scopesRead   = []string{"Files.Read", "Files.ReadWrite", "Files.Read.All", "Sites.Read.All", "Files.ReadWrite.All", "Sites.ReadWrite.All"}
	scopesMine   = append(slices.Clone(scopesRead), "User.Read")
	scopesWrite  = []string{"Files.ReadWrite", "Files.ReadWrite.All", "Sites.ReadWrite.All"}
	scopesShared = []string{"Files.Read.All", "Sites.Read.All", "Files.ReadWrite.All", "Sites.ReadWrite.All"}
)

var (
	optionsEntity = []string{"$select", "$expand"}
	optionsList   = []string{"$top", "$skiptoken", "$select", "$orderby", "$expand"} // "List children": the options that OneDrive takes
	optionsFound  = []string{"$top", "$skiptoken", "$select", "$expand"}
)

type handler func(*Service, *request) (*service.Answer, error)

// operation is one below a drive; write ones need the other scopes.
type operation struct {
	method, path string
	write        bool
	options      []string
	maxBody      int64
	handle       handler
}

// onDrive are the operations of a drive, onItem those of an item however it is
// addressed: by id, as the root, as a special folder, or by its path below one of these.
var (
	onDrive = []operation{
		{method: http.MethodGet, path: "", options: optionsEntity, handle: (*Service).getDrive},
		{method: http.MethodGet, path: "/search(q='{q}')", options: optionsFound, handle: (*Service).search},
		{method: http.MethodGet, path: "/recent()", options: optionsFound, handle: (*Service).recent},
		{method: http.MethodGet, path: "/sharedWithMe()", options: optionsFound, handle: (*Service).sharedWithMe},
	}
	onItem = []operation{
		{method: http.MethodGet, path: "", options: optionsEntity, handle: (*Service).getItem},
		{method: http.MethodPatch, path: "", write: true, handle: (*Service).updateItem},
		{method: http.MethodDelete, path: "", write: true, handle: (*Service).deleteItem},
		{method: http.MethodGet, path: "/children", options: optionsList, handle: (*Service).listChildren},
		{method: http.MethodPost, path: "/children", write: true, handle: (*Service).createFolder},
		{method: http.MethodGet, path: "/content", options: []string{"$format"}, handle: (*Service).getContent},
		{method: http.MethodPut, path: "/content", write: true, maxBody: library.MaxFile, handle: (*Service).putContent},
		{method: http.MethodGet, path: "/search(q='{q}')", options: optionsFound, handle: (*Service).search},
		{method: http.MethodGet, path: "/delta()", options: optionsFound, handle: (*Service).delta},
		{method: http.MethodPost, path: "/createUploadSession", write: true, handle: (*Service).createUpload},
		{method: http.MethodPost, path: "/copy", write: true, handle: (*Service).copyItem},
		{method: http.MethodPost, path: "/checkout", write: true, handle: (*Service).checkOut},
		{method: http.MethodPost, path: "/checkin", write: true, handle: (*Service).checkIn},
		{method: http.MethodPost, path: "/createLink", write: true, handle: (*Service).createLink},
		{method: http.MethodPost, path: "/invite", write: true, handle: (*Service).invite},
		{method: http.MethodGet, path: "/permissions", options: []string{"$select"}, handle: (*Service).listPermissions},
		{method: http.MethodGet, path: "/permissions/{permission-id}", options: []string{"$select"}, handle: (*Service).getPermission},
		{method: http.MethodPatch, path: "/permissions/{permission-id}", write: true, handle: (*Service).updatePermission},
		{method: http.MethodDelete, path: "/permissions/{permission-id}", write: true, handle: (*Service).deletePermission},
		{method: http.MethodGet, path: "/thumbnails", options: []string{"$select"}, handle: (*Service).thumbnails},
		{method: http.MethodGet, path: "/versions", options: optionsFound, handle: (*Service).versions},
	}
	addresses = []string{
		"/root", "/root:/{path}:", "/items/{driveItem-id}", "/items/{driveItem-id}:/{path}:", "/special/{driveItem-id}", "/special/{driveItem-id}:/{path}:",
	}
)

// Operations implements service.Workload.
func (s *Service) Operations() []service.Operation {
	var out []service.Operation
	for _, prefix := range []string{"/me/drive", "/users/{user-id}/drive", "/sites/{site-id}/drive", "/drives/{drive-id}"} {
		for _, o := range onDrive {
			out = append(out, s.operation(prefix, o))
		}
		for _, address := range addresses {
			for _, o := range onItem {
				out = append(out, s.operation(prefix+address, o))
			}
		}
	}
	for _, o := range []operation{
		{method: http.MethodGet, path: "/me/drives", options: []string{"$top", "$skiptoken", "$select"}, handle: (*Service).listDrives},
		{method: http.MethodGet, path: "/sites/{site-id}/drives", options: []string{"$top", "$skiptoken", "$select"}, handle: (*Service).listDrives},
		{method: http.MethodGet, path: "/shares/{sharedDriveItem-id}/driveItem", options: optionsEntity, handle: (*Service).sharedItem},
	} {
		out = append(out, s.operation("", o))
	}
	return append(out, s.sites.Operations()...)
}

func (s *Service) operation(prefix string, o operation) service.Operation {
	out := service.Operation{Method: o.method, Template: prefix + o.path, Options: o.options, MaxBody: o.maxBody, Scopes: scopesRead, Pages: library.Pages}
	switch {
	case o.write, strings.HasPrefix(out.Template, "/shares/"):
		out.Scopes = scopesWrite
	case out.Template == "/me/drive", out.Template == "/me/drives":
		out.Scopes = scopesMine
	case strings.HasSuffix(out.Template, "/sharedWithMe()"):
		out.Scopes = scopesShared
	}
	out.Handle = func(c *service.Call) (*service.Answer, error) {
		s.library.Lock()
		defer s.library.Unlock()
		r, err := s.open(c, o.write)
		if err != nil {
			return nil, err
		}
		return o.handle(s, r)
	}
	return out
}

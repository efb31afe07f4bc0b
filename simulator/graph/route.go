package graph

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"m365mcp/simulator/graph/apierror"
)

// route is an operation of Microsoft's OpenAPI description.
type route struct {
	method   string
	template string
	segments []string
	mailbox  bool     // a resource of Exchange, limited and refused by Exchange
	scopes   []string // any one suffices
	options  []string // system query options it takes
	handle   func(*Server, *call) (*answer, error)
}

// The delegated scopes that suffice, from microsoft-graph-devx-content,
// permissions/new/permissions.json of August 2026. Where that file lists
// Mail.Read and leaves out Mail.ReadWrite for single messages, the superset is
// accepted, as the service does.
var (
	scopesProfile  = []string{"User.Read", "User.ReadWrite", "User.ReadBasic.All", "User.Read.All", "Directory.Read.All", "User.ReadWrite.All", "Directory.ReadWrite.All"}
	scopesSettings = []string{"MailboxSettings.Read", "MailboxSettings.ReadWrite"}
	scopesMail     = []string{"Mail.ReadBasic", "Mail.Read", "Mail.ReadWrite"}
	scopesContent  = []string{"Mail.Read", "Mail.ReadWrite"} // attachments, and MIME because it holds the body
	scopesWrite    = []string{"Mail.ReadWrite"}
	scopesSend     = []string{"Mail.Send"}
	scopesCalendar = []string{"Calendars.Read", "Calendars.ReadWrite", "Calendars.ReadBasic"}
)

var (
	optionsList   = []string{"$top", "$skip", "$skiptoken", "$select", "$filter", "$orderby", "$search", "$count", "$expand"}
	optionsEntity = []string{"$select", "$expand"}
	optionsFolder = []string{"$top", "$skip", "$skiptoken", "$select", "$filter", "$orderby", "$count"}
)

// routeTable lists the operations, each below /me and below /users/{user-id}.
// A literal segment stands before a parameter at the same place.
func routeTable() []route {
	base := []route{
		{method: http.MethodGet, template: "", scopes: scopesProfile, options: optionsEntity, handle: (*Server).getUser},
		{method: http.MethodGet, template: "/mailboxSettings", mailbox: true, scopes: scopesSettings, options: optionsEntity, handle: (*Server).getMailboxSettings},
		{method: http.MethodGet, template: "/mailboxSettings/timeZone", mailbox: true, scopes: scopesSettings, handle: (*Server).getTimeZone},
		{method: http.MethodGet, template: "/mailFolders", mailbox: true, scopes: scopesMail, options: optionsFolder, handle: (*Server).listFolders},
		{method: http.MethodGet, template: "/mailFolders/{mailFolder-id}", mailbox: true, scopes: scopesMail, options: optionsEntity, handle: (*Server).getFolder},
		{method: http.MethodGet, template: "/mailFolders/{mailFolder-id}/childFolders", mailbox: true, scopes: scopesMail, options: optionsFolder, handle: (*Server).listFolders},
		{method: http.MethodGet, template: "/mailFolders/{mailFolder-id}/messages", mailbox: true, scopes: scopesMail, options: optionsList, handle: (*Server).listMessages},
		{method: http.MethodGet, template: "/mailFolders/{mailFolder-id}/messages/{message-id}", mailbox: true, scopes: scopesMail, options: optionsEntity, handle: (*Server).getMessage},
		{method: http.MethodGet, template: "/messages", mailbox: true, scopes: scopesMail, options: optionsList, handle: (*Server).listMessages},
		{method: http.MethodGet, template: "/messages/$count", mailbox: true, scopes: scopesMail, options: []string{"$filter"}, handle: (*Server).countMessages},
		{method: http.MethodGet, template: "/messages/{message-id}", mailbox: true, scopes: scopesMail, options: optionsEntity, handle: (*Server).getMessage},
		{method: http.MethodGet, template: "/messages/{message-id}/$value", mailbox: true, scopes: scopesContent, handle: (*Server).getMIME},
		{method: http.MethodGet, template: "/messages/{message-id}/attachments", mailbox: true, scopes: scopesContent, options: optionsFolder, handle: (*Server).listAttachments},
		{method: http.MethodGet, template: "/messages/{message-id}/attachments/{attachment-id}", mailbox: true, scopes: scopesContent, options: optionsEntity, handle: (*Server).getAttachment},
		{method: http.MethodGet, template: "/messages/{message-id}/attachments/{attachment-id}/$value", mailbox: true, scopes: scopesContent, handle: (*Server).getAttachmentContent},
		{method: http.MethodPost, template: "/messages", mailbox: true, scopes: scopesWrite, handle: (*Server).createDraft},
		{method: http.MethodPatch, template: "/messages/{message-id}", mailbox: true, scopes: scopesWrite, handle: (*Server).updateMessage},
		{method: http.MethodDelete, template: "/messages/{message-id}", mailbox: true, scopes: scopesWrite, handle: (*Server).deleteMessage},
		{method: http.MethodPost, template: "/messages/{message-id}/move", mailbox: true, scopes: scopesWrite, handle: (*Server).moveMessage},
		{method: http.MethodPost, template: "/messages/{message-id}/createReply", mailbox: true, scopes: scopesWrite, handle: (*Server).reply},
		{method: http.MethodPost, template: "/messages/{message-id}/createReplyAll", mailbox: true, scopes: scopesWrite, handle: (*Server).reply},
		{method: http.MethodPost, template: "/messages/{message-id}/reply", mailbox: true, scopes: scopesSend, handle: (*Server).reply},
		{method: http.MethodPost, template: "/messages/{message-id}/replyAll", mailbox: true, scopes: scopesSend, handle: (*Server).reply},
		{method: http.MethodPost, template: "/messages/{message-id}/send", mailbox: true, scopes: scopesSend, handle: (*Server).sendDraft},
		{method: http.MethodPost, template: "/sendMail", mailbox: true, scopes: scopesSend, handle: (*Server).sendMail},
		{method: http.MethodGet, template: "/events", mailbox: true, scopes: scopesCalendar, options: optionsFolder, handle: (*Server).listEvents},
		{method: http.MethodGet, template: "/calendarView", mailbox: true, scopes: scopesCalendar, options: optionsFolder, handle: (*Server).calendarView},
	}
	var routes []route
	for _, prefix := range []string{"/me", "/users/{user-id}"} {
		for _, r := range base {
			r.template = prefix + r.template
			r.segments = strings.Split(r.template[1:], "/")
			routes = append(routes, r)
		}
	}
	return routes
}

// matchRoute finds the operation of a path as it was sent. Each segment is
// unescaped by itself and never joined again, so an escaped slash stays inside
// its id, and dot segments are segments like any other.
func matchRoute(routes []route, method, escapedPath string) (*route, map[string]string, error) {
	version, rest, _ := strings.Cut(strings.TrimPrefix(escapedPath, "/"), "/")
	if version != "v1.0" {
		return nil, nil, apierror.BadRequest("BadRequest", "Invalid version: %s.", version)
	}
	segments, err := splitPath(strings.TrimSuffix(rest, "/"))
	if err != nil {
		return nil, nil, err
	}
	wrongMethod, deepest := false, 0
	for i := range routes {
		r := &routes[i]
		params, depth := r.match(segments)
		deepest = max(deepest, depth)
		switch {
		case params == nil:
		case r.method == method:
			return r, params, nil
		default:
			wrongMethod = true
		}
	}
	if wrongMethod {
		return nil, nil, &apierror.Error{Status: http.StatusMethodNotAllowed, Code: "Request_BadRequest", Message: "Specified HTTP method is not allowed for the request target."}
	}
	unknown := ""
	if len(segments) > 0 {
		unknown = segments[min(deepest, len(segments)-1)]
	}
	return nil, nil, apierror.BadRequest("BadRequest", "Resource not found for the segment '%s'.", unknown)
}

// splitPath also takes OData's key syntax, messages('id') for messages/id, and
// the qualified name of an action.
func splitPath(path string) ([]string, error) {
	var segments []string
	for raw := range strings.SplitSeq(path, "/") {
		segment, err := url.PathUnescape(raw)
		if err != nil {
			return nil, apierror.BadRequest("BadRequest", "Malformed percent-encoding in the request path.")
		}
		name, key, found := strings.Cut(segment, "('")
		key, closed := strings.CutSuffix(key, "')")
		if found && closed && slices.Contains([]string{"users", "mailfolders", "childfolders", "messages", "attachments"}, strings.ToLower(name)) {
			segments = append(segments, name, strings.ReplaceAll(key, "''", "'"))
			continue
		}
		segments = append(segments, strings.TrimPrefix(segment, "microsoft.graph."))
	}
	return segments, nil
}

// match returns the parameters, or nil and how many segments did match.
func (r *route) match(segments []string) (map[string]string, int) {
	params := map[string]string{}
	for i, segment := range segments {
		if i >= len(r.segments) {
			return nil, i
		}
		want := r.segments[i]
		switch {
		case strings.HasPrefix(want, "{") && segment != "":
			params[strings.Trim(want, "{}")] = segment
		case !strings.EqualFold(want, segment):
			return nil, i
		}
	}
	if len(segments) != len(r.segments) {
		return nil, len(segments)
	}
	return params, len(segments)
}

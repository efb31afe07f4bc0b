package drive

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/drive/library"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// sharing is the body of createLink and of invite.
type sharing struct {
	kind, scope, password, expires string
	recipients                     []json.RawMessage
	roles                          []string
	signIn                         bool
}

func readSharing(raw []byte, action string, names ...string) (sharing, time.Time, error) {
	var in sharing
	var until time.Time
	if len(raw) == 0 {
		raw = []byte("{}")
	}
	body, err := wire.ReadObject(raw, action, names...)
	if err != nil {
		return in, until, err
	}
	for member, into := range map[string]*string{"type": &in.kind, "scope": &in.scope, "password": &in.password, "expirationDateTime": &in.expires} {
		if err := wire.Read(body, member, into); err != nil {
			return in, until, err
		}
	}
	if err := wire.Read(body, "recipients", &in.recipients); err != nil {
		return in, until, err
	}
	if err := wire.Read(body, "roles", &in.roles); err != nil {
		return in, until, err
	}
	in.signIn = true
	if err := wire.Read(body, "requireSignIn", &in.signIn); err != nil {
		return in, until, err
	}
	if in.password != "" {
		return in, until, library.NotSupported("Passwords are for OneDrive Personal.")
	}
	if in.expires != "" {
		if until, err = time.Parse(time.RFC3339, in.expires); err != nil {
			return in, until, library.Invalid("expirationDateTime is no time: write yyyy-MM-ddTHH:mm:ssZ.")
		}
	}
	return in, until, nil
}

// sharingDisabled is the answer to what the tenant does not allow.
func sharingDisabled() *apierror.Error {
	return library.Denied("sharingDisabled: Your organization's policies do not allow you to share with these users.")
}

func (s *Service) createLink(r *request) (*service.Answer, error) {
	i, err := r.item(library.Write)
	if err != nil {
		return nil, err
	}
	in, until, err := readSharing(r.Body, "createLink", "type", "scope", "expirationDateTime", "password", "message", "recipients", "retainInheritedPermissions", "sendNotification")
	if err != nil {
		return nil, err
	}
	if in.scope == "" {
		in.scope = "organization"
	}
	if in.kind == "" {
		in.kind = "view"
	}
	switch {
	case in.kind != "view" && in.kind != "edit":
		return nil, library.Invalid("The link type '%s' is none of view and edit.", in.kind)
	case !slices.Contains([]string{"organization", "users", "anonymous"}, in.scope):
		return nil, library.Invalid("The link scope '%s' is none of organization, users, anonymous.", in.scope)
	case in.scope == "anonymous" && !s.opts.AnonymousLinks:
		return nil, sharingDisabled()
	case !until.IsZero() && !until.After(r.Now):
		return nil, library.Invalid("expirationDateTime is not in the future.")
	}
	link := library.Link{Type: in.kind, Scope: in.scope}
	for _, raw := range in.recipients {
		person, email, err := s.recipient(raw)
		if err != nil {
			return nil, err
		}
		if person == nil {
			return nil, library.Invalid("The recipient '%s' was not found.", email)
		}
		if in.scope == "users" {
			link.Redeemed = append(link.Redeemed, person)
		}
	}
	g, created := i.Share(link, until, r.me, r.Now)
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	value := permission(g, i, i)
	value["@odata.context"] = r.Context("permission")
	return &service.Answer{Status: status, Value: value}, nil
}

// recipient reads a driveRecipient. An outsider is an address alone.
func (s *Service) recipient(raw []byte) (*dataset.Person, string, error) {
	o, err := wire.ReadObject(raw, "driveRecipient", "alias", "email", "objectId")
	if err != nil {
		return nil, "", err
	}
	var email, alias, id string
	for member, into := range map[string]*string{"alias": &alias, "email": &email, "objectId": &id} {
		if err := wire.Read(o, member, into); err != nil {
			return nil, "", err
		}
	}
	for _, name := range []string{id, email, alias} {
		if p := s.library.Find(name); p != nil {
			return p, email, nil
		}
	}
	local, host, isAddress := strings.Cut(email, "@")
	if !isAddress || local == "" || !strings.Contains(host, ".") || strings.EqualFold(host, s.opts.Tenant.Domain) {
		return nil, "", library.Invalid("The recipient could not be resolved.")
	}
	return nil, email, nil
}

func (s *Service) invite(r *request) (*service.Answer, error) {
	i, err := r.item(library.Write)
	if err != nil {
		return nil, err
	}
	in, until, err := readSharing(r.Body, "invite", "requireSignIn", "roles", "sendInvitation", "message", "recipients", "retainInheritedPermissions", "expirationDateTime", "password")
	if err != nil {
		return nil, err
	}
	if len(in.recipients) == 0 || len(in.roles) != 1 {
		return nil, library.Invalid("An invitation needs recipients and one role.")
	}
	role := library.RoleNamed(in.roles[0])
	if role != library.Read && role != library.Write {
		return nil, library.Invalid("The role '%s' is none of read and write.", in.roles[0])
	}
	if !in.signIn && !s.opts.AnonymousLinks {
		return nil, sharingDisabled()
	}
	grants := make([]library.Grant, 0, len(in.recipients))
	for _, raw := range in.recipients {
		person, email, err := s.recipient(raw)
		if err != nil {
			return nil, err
		}
		g := library.Grant{Person: person, Role: role, Expires: until, By: r.me, At: r.Now, SignIn: in.signIn}
		if person == nil {
			g.Email = email
		}
		grants = append(grants, g)
	}
	list := make([]any, 0, len(grants))
	for _, g := range grants { // all or nobody
		list = append(list, permission(i.Invite(g), i, i))
	}
	return &service.Answer{Status: http.StatusOK, Value: map[string]any{"@odata.context": r.Context("Collection(permission)"), "value": list}}, nil
}

// permission is Graph's JSON of a grant, as seen from an item at or below where it was given.
func permission(g *library.Grant, on, from *library.Item) map[string]any {
	out := map[string]any{"id": g.ID, "roles": []string{g.Role.String()}}
	if !g.Expires.IsZero() {
		out["expirationDateTime"] = g.Expires.UTC().Format(timestamp)
	}
	if on != from {
		out["inheritedFrom"] = reference(from)
	}
	switch {
	case g.Link != nil:
		people := []any{}
		for _, p := range g.Link.Redeemed {
			people = append(people, identitySet(p))
		}
		out["link"] = map[string]any{"type": g.Link.Type, "scope": g.Link.Scope, "webUrl": g.Link.URL, "preventsDownload": false}
		out["shareId"] = shareID(g.Link.URL)
		out["hasPassword"] = false
		out["grantedToIdentitiesV2"] = people
		out["grantedToIdentities"] = people
	case g.Person != nil:
		out["grantedTo"] = identitySet(g.Person)
		out["grantedToV2"] = identitySet(g.Person)
	default:
		out["invitation"] = map[string]any{"email": g.Email, "signInRequired": g.SignIn, "invitedBy": identitySet(g.By)}
	}
	return out
}

// standing are the permissions that nobody gave: the owner's, or a site's groups.
func standing(i *library.Item) []map[string]any {
	root := i.Drive.Root
	var out []map[string]any
	add := func(id string, role library.Role, to map[string]any) {
		p := map[string]any{"id": id, "roles": []string{role.String()}, "grantedToV2": to}
		if i != root {
			p["inheritedFrom"] = reference(root)
		}
		out = append(out, p)
	}
	if owner := i.Drive.Owner; owner != nil {
		add("b3duZXI", library.Owner, identitySet(owner))
		return out
	}
	for n, group := range []string{"Owners", "Members", "Visitors"} {
		role := library.Owner - library.Role(n)
		add(base64.RawURLEncoding.EncodeToString([]byte("group "+group)), role, map[string]any{"siteGroup": map[string]any{"id": string(rune('3' + n)), "displayName": i.Drive.Site.Title + " " + group}})
	}
	return out
}

// permissions lists all of an item, given on it or above.
func (s *Service) permissions(r *request) (*library.Item, []map[string]any, error) {
	i, err := r.item(library.Read)
	if err != nil {
		return nil, nil, err
	}
	list := standing(i)
	grants, from := i.Granted(r.Now)
	for n, g := range grants {
		list = append(list, permission(g, i, from[n]))
	}
	return i, list, nil
}

func (s *Service) listPermissions(r *request) (*service.Answer, error) {
	_, list, err := s.permissions(r)
	if err != nil {
		return nil, err
	}
	return r.page("permissions", len(list), func(n int) map[string]any { return list[n] }), nil
}

func (s *Service) getPermission(r *request) (*service.Answer, error) {
	_, list, err := s.permissions(r)
	if err != nil {
		return nil, err
	}
	n := slices.IndexFunc(list, func(p map[string]any) bool { return p["id"] == r.Params["permission-id"] })
	if n < 0 {
		return nil, library.NotFound()
	}
	list[n]["@odata.context"] = r.Context("permissions") + "/$entity"
	return &service.Answer{Status: http.StatusOK, Value: list[n]}, nil
}

// granted finds what was given on this very item.
func (s *Service) granted(r *request) (*library.Item, *library.Grant, error) {
	i, list, err := s.permissions(r)
	if err != nil {
		return nil, nil, err
	}
	if err := r.allow(i, library.Write); err != nil {
		return nil, nil, err
	}
	for _, g := range i.Grants {
		if g.ID == r.Params["permission-id"] {
			return i, g, nil
		}
	}
	if slices.ContainsFunc(list, func(p map[string]any) bool { return p["id"] == r.Params["permission-id"] }) {
		return nil, nil, library.Invalid("An inherited permission is changed where it was given.")
	}
	return nil, nil, library.NotFound()
}

func (s *Service) updatePermission(r *request) (*service.Answer, error) {
	i, g, err := s.granted(r)
	if err != nil {
		return nil, err
	}
	body, err := wire.ReadObject(r.Body, "permission", "roles", "expirationDateTime")
	if err != nil {
		return nil, err
	}
	var roles []string
	if err := wire.Read(body, "roles", &roles); err != nil {
		return nil, err
	}
	if g.Link != nil || len(roles) != 1 || library.RoleNamed(roles[0]) == library.None || library.RoleNamed(roles[0]) == library.Owner {
		return nil, library.Invalid("Of a permission that was given to a person the role can be changed, to read or write.")
	}
	g.Role = library.RoleNamed(roles[0])
	value := permission(g, i, i)
	value["@odata.context"] = r.Context("permissions") + "/$entity"
	return &service.Answer{Status: http.StatusOK, Value: value}, nil
}

func (s *Service) deletePermission(r *request) (*service.Answer, error) {
	i, g, err := s.granted(r)
	if err != nil {
		return nil, err
	}
	i.Revoke(g)
	return &service.Answer{Status: http.StatusNoContent}, nil
}

// shareID encodes a sharing URL ("Access shared items", encoding sharing URLs).
func shareID(address string) string {
	return "u!" + base64.RawURLEncoding.EncodeToString([]byte(address))
}

// sharedItem is the item behind a sharing link.
func (s *Service) sharedItem(r *request) (*service.Answer, error) {
	encoded, ok := strings.CutPrefix(r.Params["sharedDriveItem-id"], "u!")
	address, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if !ok || err != nil {
		return nil, library.Invalid("The sharing token is malformed.")
	}
	i, err := s.library.Follow(string(address), r.me, r.Now)
	if err != nil {
		return nil, err
	}
	r.drive = i.Drive
	return s.one(r, i, http.StatusOK)
}

// sharedWithMe lists what others share with the caller, each as a pointer to another drive.
func (s *Service) sharedWithMe(r *request) (*service.Answer, error) {
	names, err := r.itemNames()
	if err != nil {
		return nil, err
	}
	names = append(slices.Clone(names), "remoteItem")
	items, grants := s.library.SharedWith(r.me, r.Now)
	return r.page("Collection(driveItem)", len(items), func(n int) map[string]any {
		full := s.driveItem(r, items[n])
		remote := pick(full, []string{"id", "name", "size", "webUrl", "file", "folder", "fileSystemInfo", "createdBy", "createdDateTime", "lastModifiedBy", "lastModifiedDateTime", "parentReference"})
		remote["shared"] = map[string]any{
			"scope": "users", "sharedDateTime": grants[n].At.UTC().Format(timestamp),
			"owner": identitySet(items[n].Drive.Root.CreatedBy), "sharedBy": identitySet(grants[n].By),
		}
		out := map[string]any{"remoteItem": remote}
		for _, name := range []string{"id", "name", "size", "webUrl", "file", "folder", "fileSystemInfo", "createdBy", "createdDateTime", "lastModifiedBy", "lastModifiedDateTime"} {
			if value, ok := remote[name]; ok {
				out[name] = value
			}
		}
		return pick(out, names)
	}), nil
}

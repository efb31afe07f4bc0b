package entra

import (
	"maps"
	"slices"
	"strings"
)

const (
	defaultGraph = "https://graph.microsoft.com"          // the global cloud's
	graphAppID   = "00000003-0000-0000-c000-000000000000" // Graph's application id in every tenant
	defaultScope = ".default"
)

// graphScope is a delegated permission that Graph defines.
type graphScope struct {
	name  string
	admin bool // an administrator has to consent
}

// userScopes and adminScopes are the delegated work and school permissions of
// Microsoft's published permission data; the first four are OpenID Connect's,
// which Entra treats as permissions of Graph.
const (
	userScopes = `openid profile email offline_access
Acronym.Read.All Bookmark.Read.All
Calendars.Read Calendars.Read.Shared Calendars.ReadWrite Calendars.ReadWrite.Shared
Channel.ReadBasic.All ChannelMessage.Send Chat.Create Chat.Read Chat.ReadBasic Chat.ReadWrite ChatMessage.Read ChatMessage.Send
Contacts.Read Contacts.Read.Shared Contacts.ReadWrite Contacts.ReadWrite.Shared
Files.Read Files.Read.All Files.ReadWrite Files.ReadWrite.All
Mail.Read Mail.Read.Shared Mail.ReadBasic Mail.ReadWrite Mail.ReadWrite.Shared Mail.Send Mail.Send.Shared
MailTips.ReadBasic.Shared MailboxSettings.Read MailboxSettings.ReadWrite
Notes.Create Notes.Read Notes.Read.All Notes.ReadWrite Notes.ReadWrite.All
OnlineMeetingArtifact.Read.All OnlineMeetings.Read OnlineMeetings.ReadWrite People.Read
Presence.Read Presence.Read.All Presence.ReadWrite QnA.Read.All
Sites.Manage.All Sites.Read.All Sites.ReadWrite.All
Tasks.Read Tasks.Read.Shared Tasks.ReadWrite Tasks.ReadWrite.Shared
Team.ReadBasic.All User.Read User.ReadBasic.All User.ReadWrite`

	adminScopes = `Calendars.ReadBasic
Channel.Create ChannelMember.Read.All ChannelMember.ReadWrite.All ChannelMessage.Read.All ChannelMessage.ReadWrite
ChannelSettings.Read.All ChannelSettings.ReadWrite.All ChatMember.Read ChatMember.ReadWrite
Directory.Read.All Directory.ReadWrite.All ExternalItem.Read.All
Group.Read.All Group.ReadWrite.All GroupMember.Read.All GroupMember.ReadWrite.All
OnlineMeetingRecording.Read.All OnlineMeetingTranscript.Read.All
People.Read.All Place.Read.All Place.ReadWrite.All ProfilePhoto.Read.All ProfilePhoto.ReadWrite.All
Sites.FullControl.All Sites.Selected
TeamMember.Read.All TeamMember.ReadWrite.All TeamSettings.Read.All TeamSettings.ReadWrite.All
User.Read.All User.ReadWrite.All`
)

// catalogue finds a scope by its lower-case name: Entra compares without case.
var catalogue = buildCatalogue()

func buildCatalogue() map[string]graphScope {
	all := map[string]graphScope{}
	for name := range strings.FieldsSeq(userScopes) {
		all[strings.ToLower(name)] = graphScope{name: name}
	}
	for name := range strings.FieldsSeq(adminScopes) {
		all[strings.ToLower(name)] = graphScope{name: name, admin: true}
	}
	return all
}

func lookupScope(name string) (graphScope, bool) {
	scope, ok := catalogue[strings.ToLower(name)]
	return scope, ok
}

// scopeSet is a parsed scope parameter: permissions of Graph, canonically spelt.
type scopeSet struct {
	Names []string `json:"n"`
	// Prefixed remembers that Graph was named by its URL: the response then
	// spells its scopes the same way.
	Prefixed bool `json:"p,omitempty"`
}

func (s scopeSet) has(name string) bool { return slices.Contains(s.Names, name) }

// parseScopes reads a scope parameter for the client. Unprefixed scopes are
// Graph's. At the token endpoint all must belong to one resource, and a scope
// that does not exist is merely invalid; authorize names the resource.
func (s *Server) parseScopes(c *Client, raw string, atToken bool) (scopeSet, *stsError) {
	var set scopeSet
	var foreign string
	graph, expand, named := false, false, false
	for field := range strings.FieldsSeq(raw) {
		resource, name := s.splitScope(field)
		if resource != s.graph {
			foreign = resource
			continue
		}
		if strings.EqualFold(name, defaultScope) {
			expand, graph, set.Prefixed = true, true, true
			continue
		}
		scope, ok := lookupScope(name)
		if !ok {
			return set, unknownScope(c, field, name, atToken)
		}
		if !isOIDC(scope.name) {
			graph, named = true, true
			set.Prefixed = set.Prefixed || name != field
		}
		set.Names = append(set.Names, scope.name)
	}
	switch {
	case foreign != "" && graph && atToken:
		return set, &stsError{
			code: 28000, oauth: "invalid_scope",
			text: "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope " + raw + " is not valid.",
		}
	case foreign != "":
		return set, &stsError{
			code: 500011, oauth: "invalid_resource",
			text: "The resource principal named " + foreign + " was not found in the tenant. This can happen if the application has not been installed by the administrator of the tenant or consented to by any user in the tenant.",
		}
	case expand && named:
		return set, &stsError{
			code: 70011, oauth: "invalid_scope",
			text: "The provided request must include a 'scope' input parameter. The provided value for the input parameter 'scope' is not valid. .default scope can't be combined with resource-specific scopes.",
		}
	case expand && !atToken: // there it stands for whatever was consented
		set.Names = append(set.Names, c.registered()...)
	}
	slices.Sort(set.Names)
	set.Names = slices.Compact(set.Names)
	return set, nil
}

// splitScope separates the resource's identifier from the permission's name.
func (s *Server) splitScope(field string) (resource, name string) {
	for _, prefix := range []string{s.graph, graphAppID} {
		if rest, ok := strings.CutPrefix(field, prefix+"/"); ok {
			return s.graph, strings.TrimPrefix(rest, "/")
		}
	}
	if i := strings.LastIndex(field, "/"); i > 0 {
		return field[:i], field[i+1:]
	}
	return s.graph, field
}

func unknownScope(c *Client, field, name string, atToken bool) *stsError {
	if atToken || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"\<>`, r) }) {
		return &stsError{
			code: 70011, oauth: "invalid_scope",
			text: "The provided value for the input parameter 'scope' is not valid. The scope " + field + " is not valid.",
		}
	}
	// Entra blames the application here, hence invalid_client.
	return &stsError{
		code: 650053, oauth: "invalid_client",
		text: "The application '" + c.Name + "' asked for scope '" + name + "' that doesn't exist on the resource '" + graphAppID + "'. Contact the app vendor.",
	}
}

// isOIDC tells the protocol's own scopes from those of an API.
func isOIDC(name string) bool {
	return name == "openid" || name == "profile" || name == "email" || name == "offline_access"
}

// mayGrant tells whether a person may consent to the scope for this client.
func (c *Client) mayGrant(name string) bool {
	if isOIDC(name) || slices.Contains(c.Scopes, name) {
		return true
	}
	scope, ok := lookupScope(name)
	return ok && !scope.admin && len(c.Scopes) == 0
}

// registered is what .default stands for.
func (c *Client) registered() []string {
	if len(c.Scopes) > 0 {
		return c.Scopes
	}
	var names []string
	for _, scope := range catalogue {
		if !scope.admin && !isOIDC(scope.name) {
			names = append(names, scope.name)
		}
	}
	return names
}

// consent records what the person granted to the client.
func (s *Server) consent(client, user string, scopes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := consentKey{client, user}
	if s.consents[key] == nil {
		s.consents[key] = map[string]bool{}
	}
	for _, name := range scopes {
		s.consents[key][name] = true
	}
}

// consented returns everything the person granted to the client so far, sorted.
func (s *Server) consented(client, user string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.consents[consentKey{client, user}]))
}

// missingConsent returns the first requested scope that was not granted.
func (s *Server) missingConsent(client, user string, want scopeSet) string {
	have := s.consented(client, user)
	for _, name := range want.Names {
		if !slices.Contains(have, name) {
			return name
		}
	}
	return ""
}

package graph

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/wire"
)

// basicProfile is what User.ReadBasic.All shows of other people.
var basicProfile = []string{"displayName", "givenName", "id", "mail", "surname", "userPrincipalName"}

func (s *Server) getUser(c *call) (*answer, error) {
	wide := c.claims.HasAny("User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
	if c.owner != c.me && !wide && !c.claims.HasAny("User.ReadBasic.All") {
		return nil, apierror.InsufficientPrivileges()
	}
	names, err := c.opts.Selected("user", wire.UserDefault, wire.UserHeld, wire.UserNull, wire.UserEmpty)
	if err != nil {
		return nil, err
	}
	if c.opts.Has("$expand") {
		return nil, apierror.BadRequest("BadRequest", "The query specified in the URI is not valid. $expand is not supported on users by the simulated tenant.")
	}
	value := map[string]any{}
	for _, name := range names {
		if name == "mailboxSettings" {
			if c.owner != c.me || !c.claims.HasAny(scopesSettings...) {
				return nil, apierror.AccessDenied()
			}
			value[name] = s.settings(c.owner, wire.SettingsProperties)
			continue
		}
		value[name] = wire.UserProperty(s.opts.Tenant.Name, c.owner, name)
		if c.owner != c.me && !wide && !slices.Contains(basicProfile, name) {
			value[name] = wire.UserProperty(s.opts.Tenant.Name, &dataset.Person{}, name)
		}
	}
	context := s.opts.BaseURL + "/v1.0/$metadata#users"
	if selected := c.opts.List("$select"); selected != nil {
		context += "(" + strings.Join(selected, ",") + ")"
	}
	value["@odata.context"] = context + "/$entity"
	return &answer{status: http.StatusOK, value: value}, nil
}

func (s *Server) getMailboxSettings(c *call) (*answer, error) {
	names, err := c.opts.Selected("mailboxSettings", wire.SettingsProperties)
	if err != nil {
		return nil, err
	}
	if c.opts.Has("$expand") {
		return nil, apierror.BadRequest("BadRequest", "The query specified in the URI is not valid. $expand is not supported on mailbox settings.")
	}
	value := s.settings(c.owner, names)
	value["@odata.context"] = s.context(c, "/mailboxSettings")
	return &answer{status: http.StatusOK, value: value}, nil
}

func (s *Server) getTimeZone(c *call) (*answer, error) {
	return &answer{status: http.StatusOK, value: map[string]any{
		"@odata.context": s.context(c, "/mailboxSettings/timeZone"), "value": cmp.Or(c.owner.TimeZone, "UTC"),
	}}, nil
}

func (s *Server) settings(p *dataset.Person, names []string) map[string]any {
	return wire.Settings(p, s.mail.Mailbox(p.ID), s.opts.Now(), names)
}

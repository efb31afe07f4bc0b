package directory

import (
	"cmp"
	"net/http"
	"slices"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// basicProfile is what User.ReadBasic.All shows of other people.
var basicProfile = []string{"displayName", "givenName", "id", "mail", "surname", "userPrincipalName"}

func (d *Directory) getUser(c *service.Call) (*service.Answer, error) {
	if c.Owner != c.Me && !seesAll(c) && !c.Claims.HasAny("User.ReadBasic.All") {
		return nil, apierror.InsufficientPrivileges()
	}
	names, err := c.Options.Selected("user", wire.UserDefault, wire.UserHeld, wire.UserNull, wire.UserEmpty)
	if err != nil {
		return nil, err
	}
	if c.Options.Has("$expand") {
		return nil, apierror.BadRequest("BadRequest", "The query specified in the URI is not valid. $expand is not supported on users by the simulated tenant.")
	}
	if slices.Contains(names, "mailboxSettings") && (c.Owner != c.Me || !c.Claims.HasAny(scopesSettings...)) {
		return nil, apierror.AccessDenied()
	}
	value := d.user(c, c.Owner, names)
	value["@odata.context"] = c.Context("users") + "/$entity"
	return &service.Answer{Status: http.StatusOK, Value: value}, nil
}

func seesAll(c *service.Call) bool {
	return c.Claims.HasAny("User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
}

// user shows of somebody else what the scopes allow.
func (d *Directory) user(c *service.Call, p *dataset.Person, names []string) map[string]any {
	value := map[string]any{}
	for _, name := range names {
		switch {
		case name == "mailboxSettings":
			value[name] = d.settings(p, wire.SettingsProperties)
		case p.ID != c.Me.ID && !seesAll(c) && !slices.Contains(basicProfile, name):
			value[name] = wire.UserProperty(d.tenant.Name, &dataset.Person{}, name)
		default:
			value[name] = d.property(p, name)
		}
	}
	return value
}

// property is a user's; nobody signs in to a shared mailbox.
func (d *Directory) property(p *dataset.Person, name string) any {
	if name == "accountEnabled" {
		_, member := d.tenant.PersonByID(p.ID)
		return member
	}
	return wire.UserProperty(d.tenant.Name, p, name)
}

func (d *Directory) getMailboxSettings(c *service.Call) (*service.Answer, error) {
	names, err := c.Options.Selected("mailboxSettings", wire.SettingsProperties)
	if err != nil {
		return nil, err
	}
	if c.Options.Has("$expand") {
		return nil, apierror.BadRequest("BadRequest", "The query specified in the URI is not valid. $expand is not supported on mailbox settings.")
	}
	value := d.settings(c.Owner, names)
	value["@odata.context"] = c.OwnerContext("/mailboxSettings")
	return &service.Answer{Status: http.StatusOK, Value: value}, nil
}

func (d *Directory) getTimeZone(c *service.Call) (*service.Answer, error) {
	return &service.Answer{Status: http.StatusOK, Value: map[string]any{
		"@odata.context": c.OwnerContext("/mailboxSettings/timeZone"), "value": cmp.Or(c.Owner.TimeZone, "UTC"),
	}}, nil
}

func (d *Directory) settings(p *dataset.Person, names []string) map[string]any {
	return wire.Settings(p, d.store.Mailbox(p.ID), d.now(), names)
}

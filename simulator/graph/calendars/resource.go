package calendars

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/odata"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

var (
	calendarProperties = []string{
		"id", "name", "color", "hexColor", "isDefaultCalendar", "changeKey", "canShare", "canViewPrivateItems", "canEdit", "allowedOnlineMeetingProviders",
		"defaultOnlineMeetingProvider", "isTallyingResponses", "isRemovable", "owner",
	}
	colors        = []string{"auto", "lightBlue", "lightGreen", "lightOrange", "lightGray", "lightYellow", "lightTeal", "lightPink", "lightBrown", "lightRed", "maxColor"}
	calendarKinds = map[string]odata.Kind{"id": odata.ID, "name": odata.String, "isDefaultCalendar": odata.Bool, "canEdit": odata.Bool, "color": odata.Enum}
)

func (c *call) calendarJSON(k *calendar, names []string) map[string]any {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%d", k.id, k.version))
	own := c.Owner == c.Me
	all := map[string]any{
		"id": k.id, "name": k.name, "color": k.color, "hexColor": "", "isDefaultCalendar": k == c.box.calendars[0],
		"changeKey": "DwAAABYAAAD" + base64.StdEncoding.EncodeToString(sum[:21]), "canShare": own, "canViewPrivateItems": own,
		"canEdit": own || c.shared(c.Owner, c.Me, true), "allowedOnlineMeetingProviders": []string{"teamsForBusiness"},
		"defaultOnlineMeetingProvider": "teamsForBusiness", "isTallyingResponses": k == c.box.calendars[0], "isRemovable": k != c.box.calendars[0],
		"owner": address(dataset.Address{Name: c.Owner.DisplayName, Address: c.Owner.Mail}),
	}
	out := map[string]any{}
	for _, name := range names {
		out[name] = all[name]
	}
	return out
}

func (c *call) getCalendar() (*service.Answer, error) {
	names, err := c.Options.Selected("calendar", calendarProperties)
	if err != nil {
		return nil, err
	}
	value := c.calendarJSON(c.calendar, names)
	value["@odata.context"] = c.OwnerContext("/calendars") + "/$entity"
	return &service.Answer{Status: http.StatusOK, Value: value}, nil
}

func (c *call) listCalendars() (*service.Answer, error) {
	names, err := c.Options.Selected("calendar", calendarProperties)
	if err != nil {
		return nil, err
	}
	filter, err := c.Options.Filter("calendar", calendarKinds)
	if err != nil {
		return nil, err
	}
	if c.Options.Has("$orderby") {
		return nil, apierror.BadRequest("ErrorInvalidUrlQuery", "The query specified in the URI is not valid. Calendars cannot be sorted.")
	}
	var list []*calendar
	for _, k := range c.box.calendars {
		all := c.calendarJSON(k, calendarProperties)
		if filter == nil || filter.Match(func(path string) any { return all[path] }) {
			list = append(list, k)
		}
	}
	return c.Page(c.OwnerContext("/calendars"), len(list), func(i int) any { return c.calendarJSON(list[i], names) }), nil
}

func (c *call) createCalendar() (*service.Answer, error) {
	o, err := wire.ReadObject(c.Body, "calendar", calendarProperties...)
	if err != nil {
		return nil, err
	}
	k := &calendar{color: "auto"}
	if err := wire.Read(o, "name", &k.name); err != nil {
		return nil, err
	}
	if err := readEnum(o, "color", &k.color, colors); err != nil {
		return nil, err
	}
	if strings.TrimSpace(k.name) == "" {
		return nil, failed("A calendar needs a name.")
	}
	for _, other := range c.box.calendars {
		if strings.EqualFold(other.name, k.name) {
			return nil, &apierror.Error{Status: http.StatusConflict, Code: "ErrorFolderExists", Message: "A folder with the specified name already exists., Could not create folder."}
		}
	}
	k.id = c.newID(c.Owner, "calendar", 120)
	c.box.calendars = append(c.box.calendars, k)
	value := c.calendarJSON(k, calendarProperties)
	value["@odata.context"] = c.OwnerContext("/calendars") + "/$entity"
	return &service.Answer{Status: http.StatusCreated, Value: value}, nil
}

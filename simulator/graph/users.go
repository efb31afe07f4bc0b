package graph

import (
	"net/http"
	"slices"
	"strings"

	"m365mcp/simulator/dataset"
)

// basicProfile is what User.ReadBasic.All shows of other people.
var basicProfile = []string{"displayName", "givenName", "id", "mail", "surname", "userPrincipalName"}

func (s *Server) getUser(c *call) (*answer, error) {
	wide := c.claims.HasAny("User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
	if c.owner != c.me && !wide && !c.claims.HasAny("User.ReadBasic.All") {
		return nil, insufficientPrivileges()
	}
	names, err := c.opts.selected("user", userDefault, userHeld, userNull, userEmpty)
	if err != nil {
		return nil, err
	}
	if c.opts.has("$expand") {
		return nil, badRequest("BadRequest", "The query specified in the URI is not valid. $expand is not supported on users by the simulated tenant.")
	}
	value := map[string]any{}
	for _, name := range names {
		if name == "mailboxSettings" {
			if c.owner != c.me || !c.claims.HasAny(scopesSettings...) {
				return nil, accessDenied()
			}
			value[name] = s.settings(c.owner, settingsProperties)
			continue
		}
		value[name] = s.userProperty(c.owner, name)
		if c.owner != c.me && !wide && !slices.Contains(basicProfile, name) {
			value[name] = s.userProperty(&dataset.Person{}, name)
		}
	}
	context := s.opts.BaseURL + "/v1.0/$metadata#users"
	if selected := c.opts.list("$select"); selected != nil {
		context += "(" + strings.Join(selected, ",") + ")"
	}
	value["@odata.context"] = context + "/$entity"
	return &answer{status: http.StatusOK, value: value}, nil
}

// userProperty is a property's value; what a person lacks is null or empty.
func (s *Server) userProperty(p *dataset.Person, name string) any {
	switch name {
	case "id":
		return p.ID
	case "businessPhones":
		return nonNil(p.BusinessPhones)
	case "accountEnabled":
		return true
	case "companyName":
		return nullable(s.opts.Tenant.Name)
	case "department":
		return nullable(p.Department)
	case "displayName":
		return nullable(p.DisplayName)
	case "givenName":
		return nullable(p.GivenName)
	case "surname":
		return nullable(p.Surname)
	case "jobTitle":
		return nullable(p.JobTitle)
	case "mail":
		return nullable(p.Mail)
	case "mailNickname":
		nick, _, _ := strings.Cut(p.UPN, "@")
		return nullable(nick)
	case "mobilePhone":
		return nullable(p.MobilePhone)
	case "officeLocation":
		return nullable(p.OfficeLocation)
	case "preferredLanguage":
		return nullable(p.PreferredLanguage)
	case "proxyAddresses":
		if p.Mail == "" {
			return []string{}
		}
		return []string{"SMTP:" + p.Mail}
	case "userPrincipalName":
		return nullable(p.UPN)
	case "userType":
		return "Member"
	case "birthday", "hireDate": // Graph has no null for these two
		return "0001-01-01T08:00:00Z"
	case "deviceEnrollmentLimit":
		return 5
	default:
		if slices.Contains(userEmpty, name) {
			return []string{}
		}
		return nil
	}
}

func nullable(value string) any {
	if value == "" {
		return nil
	}
	return value
}

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func (s *Server) getMailboxSettings(c *call) (*answer, error) {
	names, err := c.opts.selected("mailboxSettings", settingsProperties)
	if err != nil {
		return nil, err
	}
	if c.opts.has("$expand") {
		return nil, badRequest("BadRequest", "The query specified in the URI is not valid. $expand is not supported on mailbox settings.")
	}
	value := s.settings(c.owner, names)
	value["@odata.context"] = s.context(c, "/mailboxSettings")
	return &answer{status: http.StatusOK, value: value}, nil
}

func (s *Server) getTimeZone(c *call) (*answer, error) {
	return &answer{status: http.StatusOK, value: map[string]any{
		"@odata.context": s.context(c, "/mailboxSettings/timeZone"), "value": orElse(c.owner.TimeZone, "UTC"),
	}}, nil
}

func (s *Server) settings(p *dataset.Person, names []string) map[string]any {
	zone := orElse(p.TimeZone, "UTC")
	noTime := map[string]any{"dateTime": s.opts.Now().UTC().Format("2006-01-02T15:00:00.0000000"), "timeZone": "UTC"}
	all := map[string]any{
		"archiveFolder":                         nil,
		"timeZone":                              zone,
		"delegateMeetingMessageDeliveryOptions": "sendToDelegateOnly",
		"dateFormat":                            "yyyy-MM-dd",
		"timeFormat":                            "HH:mm",
		"userPurpose":                           "user",
		"automaticRepliesSetting": map[string]any{
			"status": "disabled", "externalAudience": "none", "internalReplyMessage": "", "externalReplyMessage": "",
			"scheduledStartDateTime": noTime, "scheduledEndDateTime": noTime,
		},
		"language": map[string]any{"locale": orElse(p.PreferredLanguage, "en-US"), "displayName": orElse(p.PreferredLanguage, "en-US")},
		"workingHours": map[string]any{
			"daysOfWeek": []string{"monday", "tuesday", "wednesday", "thursday", "friday"},
			"startTime":  "08:00:00.0000000", "endTime": "17:00:00.0000000", "timeZone": map[string]any{"name": zone},
		},
	}
	if box := s.mailboxes[p.ID]; box != nil {
		if f, err := box.folder("archive"); err == nil {
			all["archiveFolder"] = f.ID
		}
	}
	out := map[string]any{}
	for _, name := range names {
		if value, ok := all[name]; ok {
			out[name] = value
		}
	}
	return out
}

package wire

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/exchange"
)

// UserProperty is a property's value; what a person lacks is null or empty.
func UserProperty(company string, p *dataset.Person, name string) any {
	switch name {
	case "id":
		return p.ID
	case "businessPhones":
		return nonNil(p.BusinessPhones)
	case "accountEnabled":
		return true
	case "companyName":
		return nullable(company)
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
		if slices.Contains(UserEmpty, name) {
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

// Settings are a person's mailbox settings. The box may be nil.
func Settings(p *dataset.Person, box *exchange.Mailbox, now time.Time, names []string) map[string]any {
	zone := cmp.Or(p.TimeZone, "UTC")
	noTime := map[string]any{"dateTime": now.UTC().Format("2006-01-02T15:00:00.0000000"), "timeZone": "UTC"}
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
		"language": map[string]any{"locale": cmp.Or(p.PreferredLanguage, "en-US"), "displayName": cmp.Or(p.PreferredLanguage, "en-US")},
		"workingHours": map[string]any{
			"daysOfWeek": []string{"monday", "tuesday", "wednesday", "thursday", "friday"},
			"startTime":  "08:00:00.0000000", "endTime": "17:00:00.0000000", "timeZone": map[string]any{"name": zone},
		},
	}
	if box != nil {
		if f, err := box.Folder("archive"); err == nil {
			all["archiveFolder"] = f.ID
		}
	}
	return pick(all, names)
}

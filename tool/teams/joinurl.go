package teams

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"

	"m365mcp/graph"
)

// meetingKey is what a link tells of its meeting: one of the three.
type meetingKey struct {
	joinURL string // as Graph has it
	joinID  string // the digits to join by
	chatID  string // the meeting's chat
}

// filter finds the meeting: Graph looks meetings up by these properties only
// (https://learn.microsoft.com/graph/api/onlinemeeting-get).
func (k meetingKey) filter() graph.Filter {
	if k.joinID != "" {
		return graph.Eq("joinMeetingIdSettings/joinMeetingId", k.joinID)
	}
	return graph.Eq("joinWebUrl", k.joinURL)
}

// Hosts of Teams, worldwide and national, with that of their join URLs.
var teamsHosts = map[string]string{
	"teams.microsoft.com": "teams.microsoft.com", "teams.cloud.microsoft": "teams.microsoft.com", "teams.live.com": "teams.live.com",
	"gov.teams.microsoft.us": "gov.teams.microsoft.us", "dod.teams.microsoft.us": "dod.teams.microsoft.us", "teams.microsoftonline.cn": "teams.microsoftonline.cn",
}

var (
	meetingDigits = regexp.MustCompile(`^\d[\d ]{8,20}$`)
	shortLink     = regexp.MustCompile(`^/meet/(\d{9,16})/?$`)
	longLink      = regexp.MustCompile(`/l/meetup-join/([^/]+)/([^/]+)/?$`)
	chatLink      = regexp.MustCompile(`/l/(?:chat|message)/(19:meeting_[^/]+)(?:/|$)`)
)

// readLink understands the links that people have of a meeting: the join URL in any
// way of escaping, from the launcher or the app, wrapped by Outlook's Safe Links,
// the short /meet/ one, that of the meeting's chat, and the bare meeting ID.
func readLink(text string) (meetingKey, bool) {
	text = strings.Trim(strings.TrimSpace(text), "<>\"'")
	if meetingDigits.MatchString(text) {
		return meetingKey{joinID: strings.ReplaceAll(text, " ", "")}, true
	}
	for range 4 { // a launcher in a safe link is two
		u, err := url.Parse(text)
		if err != nil {
			return meetingKey{}, false
		}
		if u.Scheme == "msteams" {
			u.Scheme, u.Host = "https", "teams.microsoft.com"
		}
		host, isTeams := teamsHosts[strings.ToLower(u.Hostname())]
		inner := u.Query().Get("url")
		switch {
		case strings.HasSuffix(strings.ToLower(u.Hostname()), ".safelinks.protection.outlook.com") && inner != "":
			text = inner
			continue
		case !isTeams:
			return meetingKey{}, false
		case inner != "": // the launcher: /_#/l/meetup-join/...
			text = "https://" + host + "/" + strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(inner, "https://"+u.Host), "/"), "_#/")
			continue
		case strings.HasPrefix(u.Fragment, "/l/"):
			text = "https://" + host + u.EscapedFragment()
			continue
		}
		return ofTeams(host, u)
	}
	return meetingKey{}, false
}

func ofTeams(host string, u *url.URL) (meetingKey, bool) {
	if found := shortLink.FindStringSubmatch(u.Path); found != nil {
		return meetingKey{joinID: found[1]}, true
	}
	path := u.Path
	if again, err := url.PathUnescape(path); err == nil { // escaped twice by a mail program
		path = again
	}
	if found := longLink.FindStringSubmatch(path); found != nil {
		var who struct {
			Tid string `json:"Tid"`
			Oid string `json:"Oid"`
		}
		if json.Unmarshal([]byte(u.Query().Get("context")), &who) != nil || who.Tid == "" || who.Oid == "" {
			return meetingKey{}, false
		}
		context := `{"Tid":"` + who.Tid + `","Oid":"` + who.Oid + `"}`
		return meetingKey{joinURL: "https://" + host + "/l/meetup-join/" + escapeLower(found[1]) + "/" + escapeLower(found[2]) + "?context=" + escapeLower(context)}, true
	}
	if found := chatLink.FindStringSubmatch(path); found != nil {
		return meetingKey{chatID: found[1]}, true
	}
	return meetingKey{}, false
}

var escape = regexp.MustCompile(`%[0-9A-F]{2}`)

// escapeLower escapes as Teams does, %3a and not %3A: Graph compares the text.
func escapeLower(s string) string {
	return escape.ReplaceAllStringFunc(url.QueryEscape(s), strings.ToLower)
}

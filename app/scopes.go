package app

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"m365mcp/authserver"
	"m365mcp/config"
	"m365mcp/identity"
	"m365mcp/tool"
)

// scopes are what people are asked for.
type scopes struct {
	signIn  []string            // by a client that names none
	later   []string            // by one that names them
	presets map[string][]string // names for some of later
}

// presetPrefix tells a preset from a scope, and from OpenID's email.
const presetPrefix = "preset:"

func scopesOf(registry *tool.Registry, c config.Config) (scopes, error) {
	shared, admin := c.Tools.SharedMailboxes, c.Tools.AdminConsent
	s := scopes{signIn: registry.Scopes(shared, admin), later: registry.LaterScopes(shared, admin), presets: map[string][]string{}}
	named := registry.ScopePresets(shared, admin)
	for name, set := range named {
		s.presets[presetPrefix+name] = set
	}
	if c.OAuth.SignIn == "" {
		return s, nil
	}
	s.signIn = nil
	for word := range strings.SplitSeq(c.OAuth.SignIn, ",") {
		set, ok := named[strings.TrimSpace(word)]
		if !ok {
			return s, usage("oauth.sign_in %q: want presets or families that need a permission here: %s", word, strings.Join(slices.Sorted(maps.Keys(named)), ", "))
		}
		s.signIn = append(s.signIn, set...)
	}
	return s, nil
}

// access lets tools send people to add permissions.
type access struct{ auth *authserver.Server }

// MayAsk implements tool.Access.
func (a access) MayAsk(scope string) bool { return a.auth.MayAsk(scope) }

// Link implements tool.Access.
func (a access) Link(ctx context.Context, p identity.Principal, scopes []string) (tool.Link, error) {
	link, expires, err := a.auth.AccessLink(ctx, p, scopes)
	if err != nil {
		return tool.Link{}, fmt.Errorf("access: %w", err)
	}
	return tool.Link{URL: link, Expires: expires}, nil
}

// What the consent page puts together, in its order.
const (
	aboutYou      = "You and your colleagues"
	aboutMail     = "Mail"
	aboutCalendar = "Calendar and meetings"
	aboutTeams    = "Teams chats and channels"
	aboutFiles    = "Files and sites"
	aboutTasks    = "Tasks"
)

// scopeText says the scopes of the tools in words, for the consent page; a test
// holds it against the registry.
var scopeText = []authserver.ScopeText{
	{Name: "Mail.ReadBasic", Group: aboutMail, Effect: authserver.Reads, Text: "See who writes to you, when, and about what"},
	{Name: "Mail.Read", Group: aboutMail, Effect: authserver.Reads, Text: "Read your mail"},
	{Name: "Mail.Read.Shared", Group: aboutMail, Effect: authserver.Reads, Text: "Read mailboxes that others share with you"},
	{Name: "Mail.ReadWrite", Group: aboutMail, Effect: authserver.Changes, Text: "Read your mail, write drafts, file and delete mail"},
	{Name: "Mail.ReadWrite.Shared", Group: aboutMail, Effect: authserver.Changes, Text: "Read and change mailboxes that others share with you"},
	{Name: "Mail.Send", Group: aboutMail, Effect: authserver.Speaks, Text: "Send mail"},
	{Name: "Mail.Send.Shared", Group: aboutMail, Effect: authserver.Speaks, Text: "Send mail for those who allow you to"},

	{Name: "Calendars.Read", Group: aboutCalendar, Effect: authserver.Reads, Text: "Read your calendars"},
	{Name: "Calendars.Read.Shared", Group: aboutCalendar, Effect: authserver.Reads, Text: "Read calendars that others share with you"},
	{Name: "OnlineMeetings.Read", Group: aboutCalendar, Effect: authserver.Reads, Text: "See your online meetings"},
	{Name: "OnlineMeetingTranscript.Read.All", Group: aboutCalendar, Effect: authserver.Reads, Text: "Read the transcripts of your meetings"},
	{Name: "Calendars.ReadWrite", Group: aboutCalendar, Effect: authserver.Speaks, Text: "Read and change your calendars, invite people and answer invitations"},
	{Name: "Calendars.ReadWrite.Shared", Group: aboutCalendar, Effect: authserver.Speaks, Text: "Read and change calendars that others share with you, invite people"},
	{Name: "OnlineMeetings.ReadWrite", Group: aboutCalendar, Effect: authserver.Changes, Text: "Create online meetings for you"},

	{Name: "Team.ReadBasic.All", Group: aboutTeams, Effect: authserver.Reads, Text: "See the names of your teams"},
	{Name: "Channel.ReadBasic.All", Group: aboutTeams, Effect: authserver.Reads, Text: "See the names of the channels in your teams"},
	{Name: "ChannelMessage.Read.All", Group: aboutTeams, Effect: authserver.Reads, Text: "Read the messages in the channels of your teams"},
	{Name: "Chat.ReadBasic", Group: aboutTeams, Effect: authserver.Reads, Text: "See with whom you chat"},
	{Name: "Chat.Read", Group: aboutTeams, Effect: authserver.Reads, Text: "Read your chats"},
	{Name: "Chat.Create", Group: aboutTeams, Effect: authserver.Speaks, Text: "Start chats"},
	{Name: "ChatMessage.Send", Group: aboutTeams, Effect: authserver.Speaks, Text: "Send chat messages"},
	{Name: "ChannelMessage.Send", Group: aboutTeams, Effect: authserver.Speaks, Text: "Post in channels"},

	{Name: "Files.Read", Group: aboutFiles, Effect: authserver.Reads, Text: "Read your files"},
	{Name: "Files.Read.All", Group: aboutFiles, Effect: authserver.Reads, Text: "Read all files that you can open"},
	{Name: "Sites.Read.All", Group: aboutFiles, Effect: authserver.Reads, Text: "Read the SharePoint sites that you can open"},
	{Name: "Files.ReadWrite", Group: aboutFiles, Effect: authserver.Changes, Text: "Read, change, share and delete your files"},
	{Name: "Files.ReadWrite.All", Group: aboutFiles, Effect: authserver.Changes, Text: "Read, change, share and delete all files that you can open"},

	{Name: "Tasks.Read", Group: aboutTasks, Effect: authserver.Reads, Text: "Read your tasks"},
	{Name: "Tasks.ReadWrite", Group: aboutTasks, Effect: authserver.Changes, Text: "Read and change your tasks"},

	{Name: "User.Read", Group: aboutYou, Effect: authserver.Reads, Text: "See your name, address and job title"},
	{Name: "MailboxSettings.Read", Group: aboutYou, Effect: authserver.Reads, Text: "Read your mailbox settings, such as the time zone"},
	{Name: "Contacts.Read", Group: aboutYou, Effect: authserver.Reads, Text: "Read your address book"},
	{Name: "People.Read", Group: aboutYou, Effect: authserver.Reads, Text: "See whom you work with most"},
	{Name: "User.ReadBasic.All", Group: aboutYou, Effect: authserver.Reads, Text: "See the names and addresses of people in your organization"},
}

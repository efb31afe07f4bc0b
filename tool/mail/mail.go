// Package mail has the tools for a person's mailbox, and for mailboxes that are
// shared with them.
//
// Ids: Graph is asked for immutable ones, so that a short id still leads to its
// mail after a move. Bodies are read as Markdown with the quoted history apart.
//
// What is sent is complete in the plan, byte for byte: answers and forwards carry
// recipients and the quoted original themselves instead of leaving both to Graph.
// The files that Graph adds are in the plan as what they are, for DLP to read.
package mail

import (
	"context"
	"slices"
	"strings"

	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/tool"
)

const family = "mail"

// Scopes of the family.
const (
	basicScope       = "Mail.ReadBasic"
	readScope        = "Mail.Read"
	writeScope       = "Mail.ReadWrite"
	sendScope        = "Mail.Send"
	readSharedScope  = "Mail.Read.Shared"
	writeSharedScope = "Mail.ReadWrite.Shared"
	sendSharedScope  = "Mail.Send.Shared"
	fileScope        = "Files.Read" // for attaching a file of a drive
)

// Tools returns the family.
func Tools() []*tool.Tool {
	return []*tool.Tool{
		getEmails(), searchEmails(), getEmail(), getEmailThread(), listMailFolders(), getAttachment(),
		sendEmail(), createDraft(), addDraftAttachment(), sendDraft(), replyToEmail(), forwardEmail(),
		updateEmail(), moveEmail(), deleteEmail(),
	}
}

// Resources returns what can be read under a URI.
func Resources() []*tool.Resource {
	return []*tool.Resource{{URI: "microsoft://mail/{id}", Tool: getEmail().With(func(s *tool.Spec) {
		s.Name, s.Title, s.Of = "resource:mail", "A mail", "getEmail"
		s.Description = "One mail by its id, as getEmails gives it, as JSON."
	})}}
}

// Internal returns what the server itself runs for a person.
func Internal() []*tool.Tool { return []*tool.Tool{downloadAttachment()} }

// Arguments that several tools have, in the same words.
var (
	idField       = tool.Field{Name: "id", Aliases: []string{"emailId", "messageId", "draftId"}, Type: tool.String, Required: true}
	idsField      = tool.Field{Name: "ids", Aliases: []string{"id", "emailIds", "emailId", "messageIds", "messageId"}, Type: tool.StringOrList, Required: true, MaxItems: maxChanged}
	emailField    = tool.Field{Name: "emailId", Aliases: []string{"id", "messageId", "draftId"}, Type: tool.String, Required: true}
	countField    = tool.Field{Name: "count", Type: tool.Integer, Default: 10, Min: 1, Max: maxCount}
	cursorField   = tool.Field{Name: "cursor", Type: tool.String}
	folderField   = tool.Field{Name: "folder", Type: tool.String, Description: "Name, path or id; sentitems, drafts, archive, ..."}
	mailboxField  = tool.Field{Name: "mailbox", Type: tool.String}
	timeZoneField = tool.Field{Name: "timeZone", Type: tool.String}
	bodyTypeField = tool.Field{Name: "contentType", Type: tool.String, Enum: []string{"html", "text"}, Default: "html"}
)

const (
	maxCount   = 50
	maxChanged = 100 // mails that one call changes: five batches
)

// immutable asks for ids that survive a move.
var immutable = []string{graph.ImmutableIDs}

// box is the mailbox that the argument names: "" and the person's own address are
// the person's own, for which no scope of shared ones is needed.
func box(c tool.Call, mailbox string) (graph.Mailbox, error) {
	if mailbox == "" || strings.EqualFold(mailbox, c.Principal.Mail) || strings.EqualFold(mailbox, c.Principal.UPN) {
		return "", nil
	}
	if err := tool.CheckAddresses("mailbox", mailbox); err != nil {
		return "", err
	}
	return graph.Mailbox(mailbox), nil
}

// shared adds what another mailbox needs.
func shared(p tool.Plan, b graph.Mailbox, scopes ...string) tool.Plan {
	if b != "" {
		p.Scopes = append(p.Scopes, scopes...)
	}
	return p
}

// target is a path template of the mailbox.
func target(b graph.Mailbox, template string) string {
	if b == "" {
		return "/me" + template
	}
	return "/users/{mailbox}" + template
}

// outOfReach is for a plan that would read another mailbox without a scope for it:
// it reads nothing, and the scopes that it names refuse it.
func outOfReach(c tool.Call, b graph.Mailbox, template string, scopes ...string) (tool.Plan, bool) {
	if b == "" || !slices.ContainsFunc(scopes, func(s string) bool { return !c.Has(s) }) {
		return tool.Plan{}, false
	}
	return shared(tool.Plan{Target: target(b, template)}, b, scopes...), true
}

// mailPath is the path of a mail, or of something of it, that a model names by
// the argument field.
func mailPath(ctx context.Context, c tool.Call, b graph.Mailbox, template, field, given string) (graph.Path, error) {
	id, err := c.Resolve(ctx, field, handle.KindMail, given)
	if err != nil {
		return graph.Path{}, err
	}
	path, err := b.To(template, id)
	if err != nil {
		return graph.Path{}, tool.Invalid(field, "is no id of a mail; take it from getEmails or searchEmails")
	}
	return path, nil
}

// quoted keeps a subject from passing for the marks that follow it.
func quoted(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return "“" + strings.NewReplacer("“", "'", "”", "'").Replace(s) + "”"
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}

// without leaves out the addresses that are among the others, and repetitions.
func without(addresses []string, others ...string) []string {
	var out []string
	for _, a := range addresses {
		same := func(b string) bool { return strings.EqualFold(a, b) }
		if a != "" && !slices.ContainsFunc(others, same) && !slices.ContainsFunc(out, same) {
			out = append(out, a)
		}
	}
	return out
}

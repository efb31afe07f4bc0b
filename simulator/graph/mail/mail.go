// Package mail is the mail of the simulated Graph: mail folders, messages,
// attachments, drafts, replies and sendMail, of one's own mailbox and of those
// that are shared. Package exchange holds the mailboxes, package wire their JSON.
package mail

import (
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/service"
)

// Workload implements [service.Workload].
type Workload struct {
	store   *exchange.Store
	now     func() time.Time
	baseURL string
	epoch   atomic.Int64 // of the memory of delta links
	uploads map[string]*upload
}

// New returns the mail of the mailboxes of a store. The base URL is Graph's
// public origin, for what the storage host says of it.
func New(store *exchange.Store, now func() time.Time, baseURL string) *Workload {
	return &Workload{store: store, now: now, baseURL: baseURL, uploads: map[string]*upload{}}
}

// call is a request for something in a mailbox.
type call struct {
	*service.Call
	*Workload

	box *exchange.Mailbox
}

// basicOnly reports whether the token sees mail without its content:
// Mail.ReadBasic excludes body, bodyPreview, uniqueBody, attachments and
// search (Microsoft Graph permissions reference).
func (c *call) basicOnly() bool {
	return !c.Claims.HasAny("Mail.Read", "Mail.ReadWrite", "Mail.Read.Shared", "Mail.ReadWrite.Shared")
}

// The delegated scopes that suffice, from microsoft-graph-devx-content,
// permissions/new/permissions.json of August 2026. Where that file lists
// Mail.Read and leaves out Mail.ReadWrite for single messages, the superset is
// accepted, as the service does. The ".Shared" ones reach a shared mailbox.
var (
	scopesMail    = []string{"Mail.ReadBasic", "Mail.Read", "Mail.ReadWrite"}
	scopesContent = []string{"Mail.Read", "Mail.ReadWrite"} // attachments, and MIME because it holds the body
	scopesWrite   = []string{"Mail.ReadWrite"}
	scopesSend    = []string{"Mail.Send"}
)

var sharedForms = map[string]string{
	"Mail.ReadBasic": "Mail.ReadBasic.Shared", "Mail.Read": "Mail.Read.Shared", "Mail.ReadWrite": "Mail.ReadWrite.Shared", "Mail.Send": "Mail.Send.Shared",
}

var (
	optionsList   = []string{"$top", "$skip", "$skiptoken", "$select", "$filter", "$orderby", "$search", "$count", "$expand"}
	optionsEntity = []string{"$select", "$expand"}
	optionsFolder = []string{"$top", "$skip", "$skiptoken", "$select", "$filter", "$orderby", "$count"}
)

// handler answers a call in a mailbox.
type handler func(*call) (*service.Answer, error)

// operation is a row of the table, below /me and below /users/{user-id}.
func (w *Workload) operation(method, template string, scopes, options []string, handle handler) []service.Operation {
	var shared []string
	for _, scope := range scopes {
		shared = append(shared, sharedForms[scope])
	}
	return service.Personal(service.Operation{
		Method: method, Template: template, Mailbox: true, Scopes: slices.Concat(scopes, shared), Shared: shared, Options: options,
		Handle: func(in *service.Call) (*service.Answer, error) {
			return handle(&call{Call: in, Workload: w, box: w.store.Mailbox(in.Owner.ID)})
		},
	})
}

// Operations implements [service.Workload].
func (w *Workload) Operations() []service.Operation {
	const get, post, patch, del = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	const message = "/messages/{message-id}"
	const folder, folderMessages = "/mailFolders/{mailFolder-id}", "/mailFolders/{mailFolder-id}/messages"
	return slices.Concat(
		w.operation(get, "/mailFolders", scopesMail, optionsFolder, (*call).listFolders),
		w.operation(get, "/mailFolders/delta()", scopesMail, optionsDelta, (*call).folderDelta),
		w.operation(get, folder, scopesMail, optionsEntity, (*call).getFolder),
		w.operation(get, folder+"/childFolders", scopesMail, optionsFolder, (*call).listFolders),
		w.operation(post, "/mailFolders", scopesWrite, nil, (*call).createFolder),
		w.operation(post, folder+"/childFolders", scopesWrite, nil, (*call).createFolder),
		w.operation(patch, folder, scopesWrite, nil, (*call).renameFolder),
		w.operation(del, folder, scopesWrite, nil, (*call).deleteFolder),
		w.operation(post, folder+"/move", scopesWrite, nil, (*call).moveFolder),
		w.operation(post, folder+"/copy", scopesWrite, nil, (*call).copyFolder),

		w.operation(get, folderMessages, scopesMail, optionsList, (*call).listMessages),
		w.operation(post, folderMessages, scopesWrite, nil, (*call).createDraft),
		w.operation(get, folderMessages+"/delta()", scopesMail, optionsDelta, (*call).messageDelta),
		w.operation(get, folderMessages+"/{message-id}", scopesMail, optionsEntity, (*call).getMessage),
		w.operation(patch, folderMessages+"/{message-id}", scopesWrite, nil, (*call).updateMessage),
		w.operation(del, folderMessages+"/{message-id}", scopesWrite, nil, (*call).deleteMessage),
		w.operation(get, "/messages", scopesMail, optionsList, (*call).listMessages),
		w.operation(get, "/messages/$count", scopesMail, []string{"$filter", "$search"}, (*call).countMessages),
		w.operation(get, "/messages/delta()", scopesMail, optionsDelta, (*call).messageDelta),
		w.operation(get, message, scopesMail, optionsEntity, (*call).getMessage),
		w.operation(get, message+"/$value", scopesContent, nil, (*call).getMIME),
		w.operation(post, "/messages", scopesWrite, nil, (*call).createDraft),
		w.operation(patch, message, scopesWrite, nil, (*call).updateMessage),
		w.operation(del, message, scopesWrite, nil, (*call).deleteMessage),
		w.operation(post, message+"/move", scopesWrite, nil, (*call).moveMessage),
		w.operation(post, message+"/copy", scopesWrite, nil, (*call).copyMessage),

		w.operation(get, message+"/attachments", scopesContent, optionsList, (*call).listAttachments),
		w.operation(post, message+"/attachments", scopesWrite, nil, (*call).addAttachment),
		w.operation(post, message+"/attachments/createUploadSession", scopesWrite, nil, (*call).createUploadSession),
		w.operation(get, message+"/attachments/{attachment-id}", scopesContent, optionsEntity, (*call).getAttachment),
		w.operation(del, message+"/attachments/{attachment-id}", scopesWrite, nil, (*call).deleteAttachment),
		w.operation(get, message+"/attachments/{attachment-id}/$value", scopesContent, nil, (*call).getAttachmentContent),

		w.operation(post, message+"/createReply", scopesWrite, nil, (*call).reply),
		w.operation(post, message+"/createReplyAll", scopesWrite, nil, (*call).reply),
		w.operation(post, message+"/createForward", scopesWrite, nil, (*call).reply),
		w.operation(post, message+"/reply", scopesSend, nil, (*call).reply),
		w.operation(post, message+"/replyAll", scopesSend, nil, (*call).reply),
		w.operation(post, message+"/forward", scopesSend, nil, (*call).reply),
		w.operation(post, message+"/send", scopesSend, nil, (*call).sendDraft),
		w.operation(post, "/sendMail", scopesSend, nil, (*call).sendMail),
	)
}

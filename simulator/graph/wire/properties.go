package wire

import "m365mcp/simulator/graph/odata"

// MessageKinds are the structural properties of microsoft.graph.message and,
// by their paths, the parts of them that a filter may look at.
var MessageKinds = map[string]odata.Kind{
	"id": odata.ID, "categories": odata.Strings, "changeKey": odata.ID, "createdDateTime": odata.Time,
	"lastModifiedDateTime": odata.Time, "bccRecipients": odata.Complex, "body": odata.Complex, "bodyPreview": odata.String,
	"ccRecipients": odata.Complex, "conversationId": odata.ID, "conversationIndex": odata.ID, "flag": odata.Complex,
	"from": odata.Complex, "hasAttachments": odata.Bool, "importance": odata.Enum, "inferenceClassification": odata.Enum,
	"internetMessageHeaders": odata.Complex, "internetMessageId": odata.ID, "isDeliveryReceiptRequested": odata.Bool,
	"isDraft": odata.Bool, "isRead": odata.Bool, "isReadReceiptRequested": odata.Bool, "parentFolderId": odata.ID,
	"receivedDateTime": odata.Time, "replyTo": odata.Complex, "sender": odata.Complex, "sentDateTime": odata.Time,
	"subject": odata.String, "toRecipients": odata.Complex, "uniqueBody": odata.Complex, "webLink": odata.ID,

	"from/emailAddress/address": odata.String, "from/emailAddress/name": odata.String,
	"sender/emailAddress/address": odata.String, "sender/emailAddress/name": odata.String,
	"body/content": odata.String, "body/contentType": odata.Enum, "flag/flagStatus": odata.Enum,
}

// The properties of messages: what a message shows without $select, what comes
// only when it is named, and what $expand may name.
var (
	MessageProperties = []string{
		"id", "createdDateTime", "lastModifiedDateTime", "changeKey", "categories", "receivedDateTime", "sentDateTime",
		"hasAttachments", "internetMessageId", "subject", "bodyPreview", "importance", "parentFolderId", "conversationId",
		"conversationIndex", "isDeliveryReceiptRequested", "isReadReceiptRequested", "isRead", "isDraft", "webLink",
		"inferenceClassification", "body", "sender", "from", "toRecipients", "ccRecipients", "bccRecipients", "replyTo", "flag",
	}
	MessageOnDemand   = []string{"internetMessageHeaders", "uniqueBody"}
	MessageNavigation = []string{"attachments", "extensions", "multiValueExtendedProperties", "singleValueExtendedProperties"}
)

// The properties of the other resources of a mailbox. A file attachment has
// those of the base type too.
var (
	FolderProperties   = []string{"id", "displayName", "parentFolderId", "childFolderCount", "unreadItemCount", "totalItemCount", "isHidden"}
	AttachmentBase     = []string{"id", "lastModifiedDateTime", "name", "contentType", "size", "isInline"}
	FileAttachment     = []string{"contentId", "contentLocation", "contentBytes"}
	ItemAttachment     = []string{"item"} // by $expand only
	SettingsProperties = []string{
		"archiveFolder", "timeZone", "delegateMeetingMessageDeliveryOptions", "dateFormat", "timeFormat", "userPurpose",
		"automaticRepliesSetting", "language", "workingHours",
	}
)

// FolderKinds are the properties of microsoft.graph.mailFolder.
var FolderKinds = map[string]odata.Kind{
	"id": odata.ID, "displayName": odata.String, "parentFolderId": odata.ID, "childFolderCount": odata.Int,
	"unreadItemCount": odata.Int, "totalItemCount": odata.Int, "isHidden": odata.Bool,
}

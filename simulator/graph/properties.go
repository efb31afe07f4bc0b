package graph

import "m365mcp/simulator/graph/odata"

// messageKinds are the structural properties of microsoft.graph.message and,
// by their paths, the parts of them that a filter may look at.
var messageKinds = map[string]odata.Kind{
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

// messageProperties is what a message shows without $select; the two others
// come only when they are named.
var messageProperties = []string{
	"id", "createdDateTime", "lastModifiedDateTime", "changeKey", "categories", "receivedDateTime", "sentDateTime",
	"hasAttachments", "internetMessageId", "subject", "bodyPreview", "importance", "parentFolderId", "conversationId",
	"conversationIndex", "isDeliveryReceiptRequested", "isReadReceiptRequested", "isRead", "isDraft", "webLink",
	"inferenceClassification", "body", "sender", "from", "toRecipients", "ccRecipients", "bccRecipients", "replyTo", "flag",
}

var (
	messageOnDemand    = []string{"internetMessageHeaders", "uniqueBody"}
	messageNavigation  = []string{"attachments", "extensions", "multiValueExtendedProperties", "singleValueExtendedProperties"}
	folderProperties   = []string{"id", "displayName", "parentFolderId", "childFolderCount", "unreadItemCount", "totalItemCount", "isHidden"}
	attachmentBase     = []string{"id", "lastModifiedDateTime", "name", "contentType", "size", "isInline"}
	fileAttachment     = []string{"contentId", "contentLocation", "contentBytes"}
	settingsProperties = []string{
		"archiveFolder", "timeZone", "delegateMeetingMessageDeliveryOptions", "dateFormat", "timeFormat", "userPurpose",
		"automaticRepliesSetting", "language", "workingHours",
	}
)

var folderKinds = map[string]odata.Kind{
	"id": odata.ID, "displayName": odata.String, "parentFolderId": odata.ID, "childFolderCount": odata.Int,
	"unreadItemCount": odata.Int, "totalItemCount": odata.Int, "isHidden": odata.Bool,
}

// userDefault is what a user shows without $select (Graph, user resource).
var userDefault = []string{
	"businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone", "officeLocation",
	"preferredLanguage", "surname", "userPrincipalName",
}

// userHeld are further properties of which the simulated directory has values.
var userHeld = []string{
	"accountEnabled", "companyName", "department", "mailNickname", "mailboxSettings", "proxyAddresses", "userType",
	"birthday", "hireDate", "deviceEnrollmentLimit",
}

// userNull are the properties that a user of this directory has no value of.
var userNull = []string{
	"deletedDateTime", "aboutMe", "ageGroup", "authorizationInfo", "city", "consentProvidedForMinor", "country",
	"createdDateTime", "creationType", "customSecurityAttributes", "employeeHireDate", "employeeId",
	"employeeLeaveDateTime", "employeeOrgData", "employeeType", "externalUserState", "externalUserStateChangeDateTime",
	"faxNumber", "identities", "identityParentId", "imAddresses", "interests", "isManagementRestricted",
	"isResourceAccount", "lastPasswordChangeDateTime", "legalAgeGroupClassification", "licenseAssignmentStates",
	"mySite", "onPremisesDistinguishedName", "onPremisesDomainName", "onPremisesExtensionAttributes",
	"onPremisesImmutableId", "onPremisesLastSyncDateTime", "onPremisesProvisioningErrors", "onPremisesSamAccountName",
	"onPremisesSecurityIdentifier", "onPremisesSyncEnabled", "onPremisesUserPrincipalName", "passwordPolicies",
	"passwordProfile", "pastProjects", "postalCode", "preferredDataLocation", "preferredName", "print",
	"responsibilities", "schools", "securityIdentifier", "serviceProvisioningErrors", "showInAddressList",
	"signInActivity", "signInSessionsValidFromDateTime", "skills", "state", "streetAddress", "usageLocation",
}

// userEmpty are collections that are never null and here always empty.
var userEmpty = []string{
	"assignedLicenses", "assignedPlans", "otherMails", "provisionedPlans",
}

// eventProperties are the structural properties of microsoft.graph.event.
var eventProperties = []string{
	"id", "categories", "changeKey", "createdDateTime", "lastModifiedDateTime", "allowNewTimeProposals", "attendees", "body",
	"bodyPreview", "cancelledOccurrences", "end", "hasAttachments", "hideAttendees", "iCalUId", "importance", "isAllDay",
	"isCancelled", "isDraft", "isOnlineMeeting", "isOrganizer", "isReminderOn", "location", "locations", "onlineMeeting",
	"onlineMeetingProvider", "onlineMeetingUrl", "organizer", "originalEndTimeZone", "originalStart", "originalStartTimeZone",
	"recurrence", "reminderMinutesBeforeStart", "responseRequested", "responseStatus", "sensitivity", "seriesMasterId",
	"showAs", "start", "subject", "transactionId", "type", "webLink",
}

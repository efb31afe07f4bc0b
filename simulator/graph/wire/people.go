package wire

// PersonProperties are the structural properties of microsoft.graph.person.
var PersonProperties = []string{
	"id", "birthday", "companyName", "department", "displayName", "givenName", "imAddress", "isFavorite", "jobTitle",
	"officeLocation", "personNotes", "personType", "phones", "postalAddresses", "profession", "scoredEmailAddresses",
	"surname", "userPrincipalName", "websites", "yomiCompany",
}

// ContactProperties are the structural properties of microsoft.graph.contact.
var ContactProperties = []string{
	"id", "createdDateTime", "lastModifiedDateTime", "changeKey", "categories", "parentFolderId", "birthday", "fileAs",
	"displayName", "givenName", "initials", "middleName", "nickName", "surname", "title", "yomiGivenName", "yomiSurname",
	"yomiCompanyName", "generation", "imAddresses", "jobTitle", "companyName", "department", "officeLocation", "profession",
	"businessHomePage", "assistantName", "manager", "homePhones", "mobilePhone", "businessPhones", "spouseName",
	"personalNotes", "children", "emailAddresses", "primaryEmailAddress", "secondaryEmailAddress", "tertiaryEmailAddress",
	"homeAddress", "businessAddress", "otherAddress",
}

package wire

// UserDefault is what a user shows without $select (Graph, user resource).
var UserDefault = []string{
	"businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone", "officeLocation",
	"preferredLanguage", "surname", "userPrincipalName",
}

// UserHeld are further properties of which the simulated directory has values.
var UserHeld = []string{
	"accountEnabled", "companyName", "department", "mailNickname", "mailboxSettings", "proxyAddresses", "userType",
	"birthday", "hireDate", "deviceEnrollmentLimit",
}

// UserNull are the properties that a user of this directory has no value of.
var UserNull = []string{
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

// UserEmpty are collections that are never null and here always empty.
var UserEmpty = []string{
	"assignedLicenses", "assignedPlans", "otherMails", "provisionedPlans",
}

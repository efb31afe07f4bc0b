package graph

// EmailAddress is Graph's emailAddress resource.
type EmailAddress struct {
	Name    string `json:"name,omitempty"`
	Address string `json:"address,omitempty"`
}

// Recipient is Graph's recipient resource.
type Recipient struct {
	EmailAddress EmailAddress `json:"emailAddress"`
}

// Recipients makes recipients of plain addresses.
func Recipients(addresses []string) []Recipient {
	out := make([]Recipient, len(addresses))
	for i, a := range addresses {
		out[i].EmailAddress.Address = a
	}
	return out
}

// ItemBody is Graph's itemBody resource.
type ItemBody struct {
	ContentType string `json:"contentType"` // text or html
	Content     string `json:"content"`
}

// Page is one page of a collection.
type Page[T any] struct {
	Value    []T    `json:"value"`
	NextLink string `json:"@odata.nextLink"` // opaque: followed unchanged
}

// User holds the properties of Graph's user resource that the tools select.
type User struct {
	ID                string `json:"id"`
	DisplayName       string `json:"displayName"`
	Mail              string `json:"mail"`
	UserPrincipalName string `json:"userPrincipalName"`
	JobTitle          string `json:"jobTitle"`
	Department        string `json:"department"`
	CompanyName       string `json:"companyName"`
	OfficeLocation    string `json:"officeLocation"`
}

package graph

import "strings"

// Values of the Prefer header.
const (
	ImmutableIDs = `IdType="ImmutableId"`             // https://learn.microsoft.com/graph/outlook-immutable-id
	TextBody     = `outlook.body-content-type="text"` // bodies as text instead of HTML
)

// InTimeZone asks for times in the zone, by its Windows or IANA name. What no
// zone's name contains is left out of it, so that it stays inside its quotes.
func InTimeZone(zone string) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', strings.ContainsRune(" _/+-().:", r):
			return r
		}
		return -1
	}, zone)
	return `outlook.timezone="` + name + `"`
}

// Package wire turns mail and people into Graph's JSON, and what clients send
// into mail: the tables of Microsoft's property names and both directions of
// each resource.
package wire

import (
	"strconv"
	"strings"
)

// Preferences are the Prefer headers that Outlook's resources know.
type Preferences struct {
	BodyType    string // text, html or empty
	ImmutableID bool
	TimeZone    string // outlook.timezone, of events only: what applies it says so itself
	MaxPageSize int    // odata.maxpagesize; 0: none
}

// Applied is the Preference-Applied header.
func (p Preferences) Applied() string {
	var out []string
	if p.BodyType != "" {
		out = append(out, `outlook.body-content-type="`+p.BodyType+`"`)
	}
	if p.ImmutableID {
		out = append(out, `IdType="ImmutableId"`)
	}
	return strings.Join(out, ", ")
}

// ParsePrefer reads the Prefer headers of a request; what it does not know has no effect.
func ParsePrefer(headers []string) Preferences {
	var p Preferences
	for preference := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(preference), "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "outlook.body-content-type":
			if value = strings.ToLower(value); value == "text" || value == "html" {
				p.BodyType = value
			}
		case "idtype":
			p.ImmutableID = strings.EqualFold(value, "ImmutableId")
		case "outlook.timezone":
			p.TimeZone = value
		case "odata.maxpagesize", "maxpagesize":
			if n, err := strconv.Atoi(value); err == nil && n > 0 {
				p.MaxPageSize = n
			}
		}
	}
	return p
}

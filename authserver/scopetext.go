package authserver

import (
	"cmp"
	"net/url"
	"slices"
)

// Effect is what a scope lets an app do.
type Effect int

// Effects, in the order of the pages.
const (
	Reads   Effect = iota
	Changes        // what is the person's own
	Speaks         // in the person's name: others notice
)

// ScopeText says one scope in words.
type ScopeText struct {
	Name   string // at Microsoft
	Group  string // what it is about, such as Mail
	Effect Effect
	Text   string
}

// Speaks reports whether others notice what it is used for.
func (t ScopeText) Speaks() bool { return t.Effect == Speaks }

// ScopeGroup is what pages say of one kind of things.
type ScopeGroup struct {
	Name   string
	Scopes []ScopeText
}

// Words puts scopes under what they are about, reading before writing.
func (s *Server) Words(scopes []string) []ScopeGroup {
	var groups []ScopeGroup
	add := func(t ScopeText) {
		i := slices.IndexFunc(groups, func(g ScopeGroup) bool { return g.Name == t.Group })
		if i < 0 {
			i, groups = len(groups), append(groups, ScopeGroup{Name: t.Group})
		}
		groups[i].Scopes = append(groups[i].Scopes, t)
	}
	rest := slices.Clone(scopes)
	for _, t := range s.scopeText {
		if slices.Contains(rest, t.Name) {
			add(t)
			rest = without(rest, []string{t.Name})
		}
	}
	for _, name := range rest {
		add(ScopeText{Name: name, Group: "Other", Text: name})
	}
	for _, g := range groups {
		slices.SortStableFunc(g.Scopes, func(a, b ScopeText) int { return cmp.Compare(a.Effect, b.Effect) })
	}
	return groups
}

// administrator vouches for the clients of the configuration.
const administrator = "administrator"

// vouched says who answers for the client's name.
func vouched(c Client) string {
	switch c.Source {
	case ClientConfigured:
		return administrator
	case ClientDocument:
		if u, err := url.Parse(c.ID); err == nil {
			return u.Host
		}
	case ClientRegistered:
	}
	return ""
}

// maxShownName is how much of a client's name a page shows.
const maxShownName = 60

package mail

import (
	"cmp"
	"slices"

	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/kql"
)

// searchMessages answers $search: KQL, at most 1000 messages, by sent date.
func (c *call) searchMessages(candidates []*exchange.Message) ([]*exchange.Message, error) {
	for option, code := range map[string]string{"$orderby": "SearchWithOrderBy", "$filter": "SearchWithFilter", "$skip": "SearchWithSkip"} {
		if c.Options.Has(option) {
			name := map[string]string{"$orderby": "$orderBy"}[option]
			return nil, apierror.BadRequest(code, "The query parameter '%s' is not supported with '$search'.", cmp.Or(name, option))
		}
	}
	if c.basicOnly() { // "does not include permissions to search messages"
		return nil, apierror.AccessDenied()
	}
	text, err := c.Options.Search()
	if err != nil {
		return nil, err
	}
	query, err := kql.Parse(text)
	if err != nil {
		return nil, apierror.BadRequest("BadRequest", "%s", err)
	}
	var found []*exchange.Message
	for _, m := range candidates {
		if query.Match(m.Document(), c.Now) {
			found = append(found, m)
		}
	}
	slices.SortStableFunc(found, func(a, b *exchange.Message) int { return b.Sent.Compare(a.Sent) })
	return found[:min(len(found), maxSearch)], nil
}

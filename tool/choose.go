package tool

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"m365mcp/content"
	"m365mcp/handle"
)

// Named is a thing that an argument can name.
type Named struct{ ID, Name string }

// maxOffered bounds what an error offers to choose from.
const maxOffered = 10

// Choose returns which of all the argument field means, by id or else by its name,
// in any case. Its error offers those of that name, or else all, with those first
// whose name has it as a part.
func (c Call) Choose(ctx context.Context, field string, kind handle.Kind, given string, all []Named) (int, error) {
	id, unresolved := c.Resolve(ctx, field, kind, given)
	if i := slices.IndexFunc(all, func(n Named) bool { return n.ID == id && id != "" }); i >= 0 {
		return i, nil
	}
	given = strings.TrimSpace(given)
	var same, like, others []int
	for i, n := range all {
		switch name := strings.TrimSpace(n.Name); {
		case given != "" && strings.EqualFold(name, given):
			same = append(same, i)
		case strings.Contains(strings.ToLower(name), strings.ToLower(given)):
			like = append(like, i)
		default:
			others = append(others, i)
		}
	}
	problem, offered := "is the name of several; give the id of one: there ", same
	switch {
	case len(same) == 1:
		return same[0], nil
	case len(same) == 0 && unresolved != nil:
		return 0, unresolved
	case len(same) == 0:
		problem = "is neither an id nor the name of a " + string(kind) + " that this person sees; there "
		offered = slices.Concat(like, others)
	}
	offer, err := c.offer(ctx, kind, all, offered)
	if err != nil {
		return 0, err
	}
	return 0, Invalid(field, problem+offer)
}

// offer names the first of them with their short ids, in quotes as others' words.
func (c Call) offer(ctx context.Context, kind handle.Kind, all []Named, of []int) (string, error) {
	if len(of) == 0 {
		return "is none", nil
	}
	shown := of[:min(len(of), maxOffered)]
	ids := make([]string, len(shown))
	for i, at := range shown {
		ids[i] = all[at].ID
	}
	short, err := c.Short(ctx, kind, ids)
	if err != nil {
		return "", err
	}
	for i, at := range shown {
		short[i] = fmt.Sprintf("“%s” [%s]", content.Line(all[at].Name, 80), short[i])
	}
	text := "are " + strings.Join(short, ", ")
	if more := len(of) - len(shown); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text, nil
}

package tasks

import (
	"context"
	"slices"

	"m365mcp/content"
	"m365mcp/tool"
)

// membersOf names for policy who sees what is written into a shared list of To Do or
// into a plan, which belongs to a group: Graph tells that there are others, but with
// these permissions not who, and a group can have guests.
func membersOf(kind, name string) []string {
	return []string{"unknown members of " + kind + ":" + content.Line(name, 256)}
}

// readers are those of the list; nobody, if it is this person's alone.
func (l todoList) readers() []string {
	if l.Shared || !l.Own {
		return membersOf("list", l.DisplayName)
	}
	return nil
}

// readersOf are the readers of what the task of ref is in.
func readersOf(ctx context.Context, c tool.Call, at ref, planID string) ([]string, error) {
	if at.list == "" {
		plans, err := plannerPlans(ctx, c)
		i := slices.IndexFunc(plans, func(p plannerPlan) bool { return p.ID == planID })
		if err != nil || i < 0 {
			return membersOf("plan", planID), err
		}
		return membersOf("plan", plans[i].Name), nil
	}
	lists, err := todoLists(ctx, c)
	i := slices.IndexFunc(lists, func(l todoList) bool { return l.ID == at.list })
	if err != nil || i < 0 {
		return membersOf("list", at.list), err
	}
	return lists[i].readers(), nil
}

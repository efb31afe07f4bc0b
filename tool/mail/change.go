package mail

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"m365mcp/content"
	"m365mcp/graph"
	"m365mcp/handle"
	"m365mcp/tool"
)

// changedOut says what became of each mail.
type changedOut struct {
	Done   []string `json:"done"`
	Failed []failed `json:"failed,omitempty"`
}

type failed struct {
	ID      string `json:"id"`
	Problem string `json:"problem"`
}

var changedFields = []tool.Field{
	{Name: "done", Type: tool.StringList, Required: true},
	{Name: "failed", Type: tool.ObjectList, Items: []tool.Field{{Name: "id", Type: tool.String}, {Name: "problem", Type: tool.String}}},
}

// mails are the Graph ids of several mails, each once.
func mails(ctx context.Context, c tool.Call, given []string) ([]string, error) {
	ids, err := c.ResolveAll(ctx, "ids", handle.KindMail, given)
	if err != nil {
		return nil, err
	}
	ids = distinct(ids)
	if len(ids) == 0 {
		return nil, tool.Invalid("ids", "is empty; give at least one")
	}
	return ids, nil
}

// distinct keeps the first of each; ids differ by case too.
func distinct(ids []string) []string {
	seen := map[string]bool{}
	var out []string
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}

// changes plans the same request for each of the mails. What it changes can be
// changed back, so that no guard holds it to the state of each.
func changes(b graph.Mailbox, ids []string, method, template string, body any) (tool.Plan, error) {
	plan := tool.Plan{}
	for _, id := range ids {
		path, err := b.To(template, id)
		if err != nil {
			return tool.Plan{}, tool.Invalid("ids", "has one that is no id of a mail; take them from getEmails or searchEmails")
		}
		with := graph.PostJSON
		if method == graph.Patch {
			with = graph.PatchJSON
		}
		request, err := with(path, body)
		if err != nil {
			return tool.Plan{}, err
		}
		request.Prefer = immutable
		plan.Writes, plan.Target = append(plan.Writes, request), path.Template()
	}
	return shared(plan, b, writeSharedScope), nil
}

// change sends what was planned, in batches, and tells what became of each.
func change(ctx context.Context, c tool.Call, given []string, did string) (tool.Result, error) {
	ids, err := mails(ctx, c, given)
	if err != nil {
		return tool.Result{}, err
	}
	results, err := graph.Batch(ctx, c.Graph, c.Plan.Writes)
	if err != nil {
		return tool.Result{}, err
	}
	if len(results) != len(ids) {
		return tool.Result{}, errPlan
	}
	// Graph answers with the mail: a move gives it another id unless it was immutable.
	for i, r := range results {
		var m message
		if r.Err == nil && r.Response.Decode(&m) == nil && m.ID != "" {
			ids[i] = m.ID
		}
	}
	short, err := c.Short(ctx, handle.KindMail, ids)
	if err != nil {
		return tool.Result{}, err
	}
	out := changedOut{Done: []string{}}
	var first error
	for i, r := range results {
		if r.Err == nil {
			out.Done = append(out.Done, short[i])
			continue
		}
		if first == nil || unknown(r.Err) {
			first = r.Err
		}
		out.Failed = append(out.Failed, failed{short[i], problem(r.Err)})
	}
	if len(out.Done) == 0 { // nothing at all: that is an error, in the words for it
		return tool.Result{}, first
	}
	text := []string{fmt.Sprintf("%s: %d of %d mails.", did, len(out.Done), len(results))}
	for _, f := range out.Failed {
		text = append(text, "NOT "+f.ID+": "+f.Problem)
	}
	return tool.Result{Structured: out, Text: strings.Join(text, "\n"), Items: len(out.Done)}, nil
}

var errPlan = errors.New("the plan is not about these mails")

func unknown(err error) bool {
	ge, ok := errors.AsType[*graph.Error](err)
	return ok && ge.Kind == graph.KindUnknown
}

// problem says why a part of a batch failed.
func problem(err error) string {
	ge, ok := errors.AsType[*graph.Error](err)
	switch {
	case !ok:
		return "it was not sent; call again for it"
	case ge.Kind == graph.KindUnknown:
		return "no clear answer: it may or may not have happened; look before calling again"
	case ge.Status == 404:
		return "it is not there any more, or the id is of another mailbox"
	case ge.Status == 403:
		return "the person lacks the right to change it"
	case ge.Status == 429 || ge.Status == 503 || ge.Status == 504:
		return "Microsoft Graph is busy; call again for it in a minute"
	case ge.Status == 0:
		return "it was not sent; call again for it"
	}
	return fmt.Sprintf("Microsoft Graph refused it (status %d, %s)", ge.Status, content.Line(ge.Code, 60))
}

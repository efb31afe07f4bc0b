package tasks

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"m365mcp/graph"
	"m365mcp/tool"
)

// sharing answers with lists of To Do of which one is shared, and with the plans.
type sharing struct{}

// Do implements graph.Doer.
func (sharing) Do(_ context.Context, r graph.Request) (*graph.Response, error) {
	body := `{"value":[{"id":"mine","displayName":"Tasks","isOwner":true},{"id":"ours","displayName":"Fair","isOwner":true,"isShared":true},{"id":"theirs","displayName":"Stock"}]}`
	if strings.Contains(r.Path.Template(), "planner") {
		body = `{"value":[{"id":"p","title":"Launch"}]}`
	}
	return &graph.Response{Status: http.StatusOK, Body: []byte(body)}, nil
}

// Policy is told that others see what is written where they look.
func TestReadersOf(t *testing.T) {
	t.Parallel()
	c := tool.Call{Graph: sharing{}}
	for _, tc := range []struct {
		at   ref
		plan string
		want string
	}{
		{ref{"mine", "x"}, "", ""},
		{ref{"ours", "x"}, "", "unknown members of list:Fair"},
		{ref{"theirs", "x"}, "", "unknown members of list:Stock"},
		{ref{"elsewhere", "x"}, "", "unknown members of list:elsewhere"},
		{ref{task: "x"}, "p", "unknown members of plan:Launch"},
		{ref{task: "x"}, "q", "unknown members of plan:q"},
	} {
		got, err := readersOf(t.Context(), c, tc.at, tc.plan)
		if err != nil || strings.Join(got, ";") != tc.want {
			t.Errorf("%+v: %q, %v; want %q", tc, got, err, tc.want)
		}
	}
	for arg, want := range map[string]string{"": "", "new": "unknown members of list:Fair"} {
		plan, err := updateArgs{Title: arg, Status: "completed"}.todoPlan(t.Context(), c, ref{"ours", "x"}, time.Time{})
		if err != nil || strings.Join(plan.Recipients, ";") != want {
			t.Errorf("title %q: %q, %v; want %q", arg, plan.Recipients, err, want)
		}
	}
}

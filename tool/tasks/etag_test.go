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

// versionless answers with a task without an ETag, which the simulated Planner always gives.
type versionless struct{}

// Do implements graph.Doer.
func (versionless) Do(context.Context, graph.Request) (*graph.Response, error) {
	return &graph.Response{Status: http.StatusOK, Body: []byte(`{"id":"x","title":"old"}`)}, nil
}

// What cannot be held to its version is not changed.
func TestNoETagNoChange(t *testing.T) {
	t.Parallel()
	plan, err := updateArgs{Title: "new"}.plannerPlan(t.Context(), tool.Call{Graph: versionless{}}, ref{task: "x"}, time.Time{})
	if err == nil || !strings.Contains(err.Error(), "which version") || len(plan.Writes) > 0 {
		t.Errorf("planned %+v, %v", plan.Writes, err)
	}
}

package calendar

import (
	"context"
	"strings"
	"testing"

	"m365mcp/graph"
	"m365mcp/tool"
)

// answering answers every request with the same text.
type answering string

func (a answering) Do(context.Context, graph.Request) (*graph.Response, error) {
	return &graph.Response{Status: 200, Body: []byte(a)}, nil
}

// All that hangs on an event to which somebody is invited is named; more than can be listed is refused.
func TestCarried(t *testing.T) {
	t.Parallel()
	const attached = `{"@odata.type":"#microsoft.graph.fileAttachment","id":"1","name":"a.pdf","size":5},` +
		`{"@odata.type":"#microsoft.graph.itemAttachment","id":"2","name":"Old offer","size":9},{"@odata.type":"#microsoft.graph.referenceAttachment","id":"3","name":"link"}`
	sources, names, err := carried(t.Context(), tool.Call{Graph: answering(`{"value":[` + attached + `]}`)}, "", graphEvent{ID: "e", HasAttachments: true})
	if err != nil || len(sources) != 2 || sources[1].Name() != "Old offer" || strings.Join(names, " ") != "link" {
		t.Errorf("%v, %v, %v", sources, names, err)
	}
	full := `{"value":[` + strings.Repeat(attached+",", 20) + attached + `],"@odata.nextLink":"https://graph.microsoft.com/v1.0/me/events/e/attachments?$skip=63"}`
	if _, _, err := carried(t.Context(), tool.Call{Graph: answering(full)}, "", graphEvent{ID: "e", HasAttachments: true}); err == nil {
		t.Error("more than are listed leave unseen")
	}
}

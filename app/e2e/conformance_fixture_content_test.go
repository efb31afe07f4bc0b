package e2e_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// onePixel is a PNG of one transparent pixel, silence a WAV header without samples.
var (
	onePixel = mustDecode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==")
	silence  = mustDecode("UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=")
)

func mustDecode(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

func contentTools() map[string]mcp.ToolHandler {
	image := &mcp.ImageContent{Data: onePixel, MIMEType: "image/png"}
	return map[string]mcp.ToolHandler{
		"test_simple_text":   textTool("This is a simple text response for testing."),
		"test_image_content": contentTool(image),
		"test_audio_content": contentTool(&mcp.AudioContent{Data: silence, MIMEType: "audio/wav"}),
		"test_embedded_resource": contentTool(&mcp.EmbeddedResource{Resource: &mcp.ResourceContents{
			URI: "test://embedded-resource", MIMEType: "text/plain", Text: "This is an embedded resource content.",
		}}),
		"test_multiple_content_types": contentTool(text("Multiple content types test:"), image, &mcp.EmbeddedResource{
			Resource: &mcp.ResourceContents{URI: "test://mixed-content-resource", MIMEType: "application/json", Text: `{"test":"data","value":123}`},
		}),
		"json_schema_2020_12_tool": textTool("The schema is what matters."),
		"test_error_handling": func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			r := textResult("This tool intentionally returns an error for testing")
			r.IsError = true
			return r, nil
		},
		"test_tool_with_progress": func(ctx context.Context, req *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
			token := req.Params.GetProgressToken()
			for _, done := range []float64{0, 50, 100} {
				if token == nil {
					break
				}
				if err := req.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{ProgressToken: token, Progress: done, Total: 100}); err != nil {
					return nil, err
				}
			}
			return textResult("done"), nil
		},
	}
}

func addResources(server *mcp.Server) {
	add := func(uri, mime string, contents mcp.ResourceContents) {
		contents.URI, contents.MIMEType = uri, mime
		server.AddResource(&mcp.Resource{URI: uri, Name: uri, Description: "For the conformance suite", MIMEType: mime},
			func(context.Context, *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
				return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{&contents}}, nil
			})
	}
	add("test://static-text", "text/plain", mcp.ResourceContents{Text: "This is the content of the static text resource."})
	add("test://static-binary", "image/png", mcp.ResourceContents{Blob: onePixel})
	add("test://watched-resource", "text/plain", mcp.ResourceContents{Text: "Worth watching."})

	const prefix, suffix = "test://template/", "/data"
	server.AddResourceTemplate(&mcp.ResourceTemplate{
		URITemplate: prefix + "{id}" + suffix, Name: "template", Description: "For the conformance suite", MIMEType: "application/json",
	}, func(_ context.Context, req *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		uri := req.Params.URI
		id := strings.TrimSuffix(strings.TrimPrefix(uri, prefix), suffix)
		data, err := json.Marshal(map[string]any{"id": id, "templateTest": true, "data": "Data for ID: " + id})
		if err != nil {
			return nil, err
		}
		return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: uri, MIMEType: "application/json", Text: string(data)}}}, nil
	})
}

func addPrompts(server *mcp.Server) {
	add := func(name string, h mcp.PromptHandler, arguments ...string) {
		p := &mcp.Prompt{Name: name, Description: "For the conformance suite: " + name}
		for _, a := range arguments {
			p.Arguments = append(p.Arguments, &mcp.PromptArgument{Name: a, Description: a, Required: true})
		}
		server.AddPrompt(p, h)
	}
	add("test_simple_prompt", promptOf(text("This is a simple prompt for testing.")))
	add("test_prompt_with_image", promptOf(
		&mcp.ImageContent{Data: onePixel, MIMEType: "image/png"}, text("Please analyze the image above.")))
	add("test_prompt_with_arguments", func(ctx context.Context, req *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		a := req.Params.Arguments
		return promptOf(text(fmt.Sprintf("Prompt with arguments: arg1='%s', arg2='%s'", a["arg1"], a["arg2"])))(ctx, req)
	}, "arg1", "arg2")
	add("test_prompt_with_embedded_resource", func(ctx context.Context, req *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		return promptOf(&mcp.EmbeddedResource{Resource: &mcp.ResourceContents{
			URI: req.Params.Arguments["resourceUri"], MIMEType: "text/plain", Text: "Embedded resource content for testing.",
		}}, text("Please process the embedded resource above."))(ctx, req)
	}, "resourceUri")
}

func promptOf(content ...mcp.Content) mcp.PromptHandler {
	return func(context.Context, *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		r := &mcp.GetPromptResult{}
		for _, c := range content {
			r.Messages = append(r.Messages, &mcp.PromptMessage{Role: "user", Content: c})
		}
		return r, nil
	}
}

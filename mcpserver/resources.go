package mcpserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"m365mcp/tool"
)

const resourceType = "application/json"

func (a adapter) addResource(server *mcp.Server, r *tool.Resource) {
	name := strings.TrimPrefix(r.Name, "resource:")
	if r.Template() {
		server.AddResourceTemplate(&mcp.ResourceTemplate{
			URITemplate: r.URI, Name: name, Title: r.Title, Description: r.Description, MIMEType: resourceType,
		}, a.read(r))
		return
	}
	server.AddResource(&mcp.Resource{
		URI: r.URI, Name: name, Title: r.Title, Description: r.Description, MIMEType: resourceType,
	}, a.read(r))
}

func (a adapter) read(r *tool.Resource) mcp.ResourceHandler {
	return func(ctx context.Context, req *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		p, err := principalOf(req.Extra)
		if err != nil {
			return nil, err
		}
		args, err := variables(r.URI, req.Params.URI)
		if err != nil {
			return nil, mcp.ResourceNotFoundError(req.Params.URI)
		}
		out, err := a.Runner.Run(ctx, p, r.Name, args)
		if err != nil {
			return nil, resourceError(r, err)
		}
		return &mcp.ReadResourceResult{
			Meta:     meta(out),
			Contents: []*mcp.ResourceContents{{URI: req.Params.URI, MIMEType: resourceType, Text: string(out.Structured)}},
		}, nil
	}
}

// variables reads the values of a template's placeholders out of a URI (RFC 6570,
// level 1: one segment each) as the arguments of its tool.
func variables(template, uri string) (json.RawMessage, error) {
	args := map[string]string{}
	for {
		before, rest, found := strings.Cut(template, "{")
		after, ok := strings.CutPrefix(uri, before)
		if !ok || !found && after != "" {
			return nil, errURI
		}
		if !found {
			break
		}
		name, tail, _ := strings.Cut(rest, "}")
		segment, _, _ := strings.Cut(after, "/")
		value, err := url.PathUnescape(segment)
		if err != nil || value == "" {
			return nil, errURI
		}
		args[name], template, uri = value, tail, after[len(segment):]
	}
	if len(args) == 0 {
		return nil, nil
	}
	b, err := json.Marshal(args)
	if err != nil {
		return nil, fmt.Errorf("arguments of %s: %w", template, err)
	}
	return b, nil
}

var errURI = errors.New("URI does not match its template")

// resourceError is a protocol error: a resource has no result to put words in.
func resourceError(r *tool.Resource, err error) error {
	var te *tool.Error
	if !errors.As(err, &te) {
		return &jsonrpc.Error{Code: jsonrpc.CodeInternalError, Message: "internal error"}
	}
	code := int64(jsonrpc.CodeInternalError)
	if te.Code == tool.CodeInvalidArguments || te.Code == tool.CodeNotFound {
		code = jsonrpc.CodeInvalidParams
	}
	return &jsonrpc.Error{Code: code, Message: te.Text(r.URI)}
}

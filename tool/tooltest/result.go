package tooltest

import (
	"encoding/json"
	"strings"

	"m365mcp/audit"
	"m365mcp/internal/graphdata"
	"m365mcp/tool"
)

// Result is how a call ended: Output or Err, what was sent for it, and its evidence.
type Result struct {
	Output   *tool.Output
	Err      *tool.Error
	Requests []Request
	Intents  []audit.Intent
	Outcomes []audit.Outcome

	problems []string
}

// Structured decodes the structured answer strictly into a pointer.
func (r Result) Structured(t Reporter, into any) {
	t.Helper()
	if r.Err != nil {
		t.Fatalf("the call failed: %s", r.Err.Text("tool"))
		return
	}
	if err := json.Unmarshal(r.Output.Structured, into); err != nil {
		t.Fatalf("structured answer: %v in %s", err, r.Output.Structured)
	}
}

// Text is what a model reads: of the answer, or of the error.
func (r Result) Text() string {
	if r.Err != nil {
		return r.Err.Text("tool")
	}
	return r.Output.Text
}

// WantOK ends the test if the call failed.
func (r Result) WantOK(t Reporter) {
	t.Helper()
	if r.Err != nil {
		t.Fatalf("the call failed: %s\ncause: %v\nrequests: %v", r.Err.Text("tool"), r.Err, r.Requests)
	}
}

// WantError reports another end than an error with the code.
func (r Result) WantError(t Reporter, code string) {
	t.Helper()
	switch {
	case r.Err == nil:
		t.Errorf("the call succeeded, want %s: %s", code, r.Output.Structured)
	case r.Err.Code != code:
		t.Errorf("the call failed with %s, want %s: %v\nrequests: %v", r.Err.Code, code, r.Err, r.Requests)
	case r.Err.Action == "" || r.Err.Message == "":
		t.Errorf("the error %s does not say what failed and what to do: %+v", code, r.Err)
	}
}

// WantField reports an error that is not about the argument.
func (r Result) WantField(t Reporter, field string) {
	t.Helper()
	r.WantError(t, tool.CodeInvalidArguments)
	if r.Err == nil {
		return
	}
	for _, f := range r.Err.Fields {
		if f.Field == field {
			return
		}
	}
	t.Errorf("the error is about %v, want %s", r.Err.Fields, field)
}

// Operations are "METHOD template" of what was sent to Graph, a batch as its parts.
func (r Result) Operations(d *graphdata.Data) []string {
	var out []string
	for _, req := range r.Requests {
		if req.Storage {
			continue
		}
		parts, err := graphdata.Parts(graphdata.Request{Method: req.Method, Path: req.Path, Body: req.Body})
		if err != nil {
			continue
		}
		for _, part := range parts {
			if found, err := d.Find(part.Method, part.Path); err == nil {
				out = append(out, part.Method+" "+found.Template)
			}
		}
	}
	return out
}

// Sent returns the requests to the operation "METHOD template", outside batches.
func (r Result) Sent(operation string) []Request {
	var out []Request
	for _, req := range r.Requests {
		if req.Method+" "+req.Template == operation {
			out = append(out, req)
		}
	}
	return out
}

// Contains reports what of the parts is not in the structured answer, for checks of a Case.
func Contains(t Reporter, r Result, parts ...string) {
	t.Helper()
	r.WantOK(t)
	if r.Output == nil {
		return
	}
	for _, part := range parts {
		if !strings.Contains(string(r.Output.Structured), part) {
			t.Errorf("no %s in %s", part, r.Output.Structured)
		}
	}
}

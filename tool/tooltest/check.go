package tooltest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"m365mcp/identity"
	"m365mcp/internal/graphdata"
	"m365mcp/tool"
)

// faults are what is wrong with a call, whatever it was to do.
func (h *Harness) faults(t *tool.Tool, p identity.Principal, res Result) []string {
	var out []string
	for _, r := range res.Requests {
		if err := h.checkRequest(r, p); err != nil {
			out = append(out, fmt.Sprintf("%v\n  request: %s", err, r))
		}
	}
	if len(res.Intents) != 1 || len(res.Outcomes) != 1 {
		if res.Err == nil || res.Err.Code != tool.CodeUnknownTool {
			out = append(out, fmt.Sprintf("the audit has %d intents and %d outcomes of this call", len(res.Intents), len(res.Outcomes)))
		}
	} else if sent := len(res.Outcomes[0].GraphRequests); sent == 0 && len(res.Requests) > 0 {
		out = append(out, "the audit names no request to Graph, and there were some")
	}
	if res.Err != nil && slices.Contains([]string{tool.CodeInvalidArguments, tool.CodeInsufficientScope, tool.CodePolicyDenied, tool.CodeApprovalRequired}, res.Err.Code) {
		if i := slices.IndexFunc(res.Requests, writes); i >= 0 && t != nil && !t.ReadOnly {
			out = append(out, fmt.Sprintf("%s after a write: %s", res.Err.Code, res.Requests[i]))
		}
	}
	if res.Err != nil && res.Err.Code == tool.CodeInternal {
		out = append(out, "an internal error: "+res.Err.Error())
	}
	if res.Output != nil && t != nil {
		if err := checkOutput(res.Output.Structured, t.Output, "$"); err != nil && !h.runs(res, t) {
			out = append(out, fmt.Sprintf("the answer is not what the output fields say: %v\n  answer: %.500s", err, res.Output.Structured))
		}
	}
	return out
}

// runs reports whether the tool has run another one: then the answer is that one's.
func (h *Harness) runs(res Result, t *tool.Tool) bool {
	return len(res.Intents) == 1 && res.Intents[0].Tool != t.Name
}

// reading are the POSTs that change nothing.
var reading = regexp.MustCompile(`/(findMeetingTimes|getSchedule|getMailTips|search/query|getPresencesByUserId|preview|\$batch)$`)

func writes(r Request) bool {
	return r.Storage && r.Method != http.MethodGet || !r.Storage && r.Method != http.MethodGet && !reading.MatchString(r.Template)
}

func (h *Harness) checkRequest(r Request, p identity.Principal) error {
	if r.Storage {
		if r.Header.Get("Authorization") != "" {
			return fmt.Errorf("a token was sent to the storage host")
		}
		return nil
	}
	if _, err := h.data.CheckRequest(r.Method, r.Path, r.Query, r.Header, r.Body); err != nil {
		return fmt.Errorf("not what Microsoft describes: %w", err)
	}
	sent := graphdata.Request{Method: r.Method, Path: r.Path, RawQuery: r.Query, Header: r.Header, Body: r.Body}
	if err := h.data.AllowedRequest(sent, p.Scopes); err != nil {
		return fmt.Errorf("the declared scopes do not suffice: %w", err)
	}
	parts, err := graphdata.Parts(sent)
	if err != nil {
		return err
	}
	for _, part := range parts {
		if err := h.checkShared(part, p); err != nil {
			return err
		}
	}
	return nil
}

// ofMailbox are resources of Exchange, whose scopes end at one's own mailbox
// unless they are .Shared.
var ofMailbox = regexp.MustCompile(`^/users/[^/]+/(messages|mailFolders|sendMail|events|calendar|calendars|calendarView|contacts|contactFolders)(/|$)`)

func (h *Harness) checkShared(r graphdata.Request, p identity.Principal) error {
	path := strings.TrimPrefix(r.Path, "/v1.0")
	if !ofMailbox.MatchString(path) {
		return nil
	}
	owner, err := url.PathUnescape(strings.Split(path, "/")[2])
	if err != nil || strings.EqualFold(owner, h.me.UPN) || strings.EqualFold(owner, h.me.Mail) || owner == h.me.ID {
		return err
	}
	found, err := h.data.Find(r.Method, r.Path)
	if err != nil {
		return err
	}
	if err := h.data.AllowedShared(r.Method, found.Template, p.Scopes); err != nil {
		return fmt.Errorf("another person's mailbox: %w", err)
	}
	return nil
}

// checkOutput holds a structured answer against the fields that are listed.
func checkOutput(raw json.RawMessage, fields []tool.Field, at string) error {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(raw, &object); err != nil {
		return fmt.Errorf("%s is not an object: %w", at, err)
	}
	if at == "$" {
		delete(object, "untrusted") // the Runner's own mark
	}
	for _, f := range fields {
		value, ok := object[f.Name]
		delete(object, f.Name)
		if !ok && f.Required {
			return fmt.Errorf("%s.%s is required and missing", at, f.Name)
		}
		if !ok {
			continue
		}
		if err := checkField(value, f, at+"."+f.Name); err != nil {
			return err
		}
	}
	if len(object) > 0 {
		return fmt.Errorf("%s has %v, which the fields do not name", at, slices.Sorted(maps.Keys(object)))
	}
	return nil
}

func checkField(raw json.RawMessage, f tool.Field, at string) error {
	var err error
	switch f.Type {
	case tool.String:
		var s *string
		err = json.Unmarshal(raw, &s)
		if err == nil && (s == nil || len(f.Enum) > 0 && !slices.Contains(f.Enum, *s)) {
			return fmt.Errorf("%s is %s, want one of %v", at, raw, f.Enum)
		}
	case tool.Integer:
		var n *int64
		if err = json.Unmarshal(raw, &n); err == nil && n == nil {
			return fmt.Errorf("%s is null", at)
		}
	case tool.Number:
		var n *float64
		if err = json.Unmarshal(raw, &n); err == nil && n == nil {
			return fmt.Errorf("%s is null", at)
		}
	case tool.Boolean:
		var b *bool
		if err = json.Unmarshal(raw, &b); err == nil && b == nil {
			return fmt.Errorf("%s is null", at)
		}
	case tool.StringList:
		var list []string
		if err = json.Unmarshal(raw, &list); err == nil && list == nil {
			return fmt.Errorf("%s is null, want a list", at)
		}
	case tool.ObjectList:
		var list []json.RawMessage
		if err = json.Unmarshal(raw, &list); err == nil && list == nil {
			return fmt.Errorf("%s is null, want a list", at)
		}
		for i, item := range list {
			if err := checkOutput(item, f.Items, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	case tool.Object:
		if len(f.Items) > 0 {
			return checkOutput(raw, f.Items, at)
		}
		var object map[string]json.RawMessage
		if err = json.Unmarshal(raw, &object); err == nil && object == nil {
			return fmt.Errorf("%s is null", at)
		}
	case tool.StringOrList:
	}
	if err != nil {
		return fmt.Errorf("%s: want %s: %w", at, f.Type, err)
	}
	return nil
}

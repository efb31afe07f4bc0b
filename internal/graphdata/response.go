package graphdata

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// CheckResponse holds an answer against the description of the operation at
// template. A body that is not JSON is only held against the media types.
func (d *Data) CheckResponse(method, template string, status int, contentType string, body []byte) error {
	op := d.operation(method, template)
	if op == nil {
		return fmt.Errorf("%s %s is not described", method, template)
	}
	resp := op.Responses[strconv.Itoa(status)]
	if resp == nil {
		resp = d.alsoAnswered(op, method, template, status)
	}
	if resp == nil && status >= 400 {
		resp = op.Responses["default"]
	}
	if resp == nil {
		return fmt.Errorf("status %d is not described", status)
	}
	if resp.Ref != "" {
		resp = d.responses[resp.Ref[strings.LastIndex(resp.Ref, "/")+1:]]
	}
	described, takesJSON := resp.Content["application/json"]
	isJSON := strings.HasPrefix(contentType, "application/json")
	switch {
	case status == http.StatusFound, len(resp.Content) == 0 && len(body) == 0:
		return nil
	case len(resp.Content) == 0 && (isJSON || op.Kind != "stream"):
		return fmt.Errorf("a body where none is described: %.80s", body)
	case len(resp.Content) == 0, !takesJSON && !isJSON:
		return nil
	case takesJSON != isJSON:
		return fmt.Errorf("content type %q, described: %v", contentType, mediaTypes(resp.Content))
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return fmt.Errorf("the body is not JSON: %w", err)
	}
	return checker{Data: d}.check(value, described.Schema, "$")
}

// alsoAnswered is the description of a status of [alsoAnswers], or nil.
func (d *Data) alsoAnswered(op *operation, method, template string, status int) *response {
	for _, also := range alsoAnswers {
		if also.status != status || !strings.EqualFold(also.method, method) || !also.template.MatchString(template) {
			continue
		}
		if strings.EqualFold(method, http.MethodPatch) {
			op = d.operation(http.MethodGet, template)
		}
		for _, described := range []string{"200", "201"} {
			if op != nil && op.Responses[described] != nil {
				return op.Responses[described]
			}
		}
	}
	return nil
}

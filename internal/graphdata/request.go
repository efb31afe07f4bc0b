package graphdata

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

func canonicalHeader(name string) string { return http.CanonicalHeaderKey(name) }

// CheckRequest holds a request against the description: the operation, its query
// options and their values, the headers that matter, and the body. It returns
// the operation's template. The requests of a $batch are each checked alone.
func (d *Data) CheckRequest(method, escapedPath, rawQuery string, header http.Header, body []byte) (template string, err error) {
	found, err := d.Find(method, escapedPath)
	if err != nil {
		return found.Template, err
	}
	template = found.Template
	op := d.operation(method, template)
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s %s: %w", method, template, err)
		}
	}()
	if err := errors.Join(
		d.checkQuery(strings.ToUpper(method), template, op, rawQuery, header),
		checkHeaders(op, header),
		d.checkBody(op, header.Get("Content-Type"), body),
	); err != nil {
		return template, err
	}
	if op.Kind != "batch" {
		return template, nil
	}
	parts, err := Parts(Request{Method: method, Path: escapedPath, Body: body})
	if err != nil {
		return template, err
	}
	var errs []error
	for i, part := range parts {
		if strings.HasSuffix(part.Path, "/$batch") {
			errs = append(errs, fmt.Errorf("request %d: a batch in a batch", i))
			continue
		}
		content := part.Body
		if media := http.Header(part.Header).Get("Content-Type"); media != "" && !isJSON(media) {
			var encoded string // bodies other than JSON are base64 (learn.microsoft.com/graph/json-batching)
			if err := json.Unmarshal(part.Body, &encoded); err != nil {
				errs = append(errs, fmt.Errorf("request %d: a %s body is a base64 string: %w", i, media, err))
				continue
			}
			if content, err = base64.StdEncoding.DecodeString(encoded); err != nil {
				errs = append(errs, fmt.Errorf("request %d: a %s body is base64: %w", i, media, err))
				continue
			}
		}
		if _, err := d.CheckRequest(part.Method, part.Path, part.RawQuery, part.Header, content); err != nil {
			errs = append(errs, fmt.Errorf("request %d of the batch: %w", i, err))
		}
	}
	return template, errors.Join(errs...)
}

func checkHeaders(op *operation, header http.Header) error {
	for _, p := range op.Parameters {
		if p.In == "header" && p.Required && header.Get(p.Name) == "" {
			return fmt.Errorf("the header %s is missing", p.Name)
		}
	}
	for _, line := range header.Values("Prefer") {
		for one := range splitOutside(line, ',') {
			one = strings.TrimSpace(one)
			if !slices.ContainsFunc(preferences, func(known *regexp.Regexp) bool { return known.MatchString(one) }) {
				return fmt.Errorf("the preference %s (Prefer) is not documented", one)
			}
		}
	}
	return nil
}

func (d *Data) checkBody(op *operation, contentType string, body []byte) error {
	if op.RequestBody == nil {
		if len(body) > 0 {
			return fmt.Errorf("a body where none is described: %.80s", body)
		}
		return nil
	}
	if len(body) == 0 {
		// An action whose parameters are all optional may go without any.
		described := d.resolve(op.RequestBody.Content["application/json"].Schema)
		if !op.RequestBody.Required || described != nil && described.Kind == "action" && len(described.Required) == 0 {
			return nil
		}
		return errors.New("the body is missing")
	}
	name, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return fmt.Errorf("content type %q: %w", contentType, err)
	}
	described, ok := op.RequestBody.Content[name]
	if !ok {
		described, ok = op.RequestBody.Content["*/*"]
	}
	if !ok && strings.HasPrefix(name, "image/") { // a photo takes any kind of image
		described, ok = op.RequestBody.Content["image/jpeg"]
	}
	switch {
	case !ok:
		return fmt.Errorf("content type %s, described: %v", name, mediaTypes(op.RequestBody.Content))
	case d.resolve(described.Schema).Format == "binary":
		return nil
	case name == "text/plain": // a MIME message (learn.microsoft.com/graph/outlook-send-mime-message)
		if _, err := base64.StdEncoding.DecodeString(string(body)); err != nil {
			return fmt.Errorf("a MIME message is sent as base64: %w", err)
		}
		return nil
	case !isJSON(name):
		return nil
	}
	var value any
	if err := json.Unmarshal(body, &value); err != nil {
		return fmt.Errorf("the body is not JSON: %w", err)
	}
	return checker{Data: d, request: true}.check(value, described.Schema, "$")
}

func isJSON(contentType string) bool {
	name, _, err := mime.ParseMediaType(contentType)
	return err == nil && name == "application/json"
}

func mediaTypes(content map[string]media) []string {
	out := make([]string, 0, len(content))
	for name := range content {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

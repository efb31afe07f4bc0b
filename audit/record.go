package audit

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/oklog/ulid/v2"

	"m365mcp/identity"
)

const (
	recordVersion = 1
	timeLayout    = "2006-01-02T15:04:05.000Z07:00"

	maxText       = 1 << 10 // bytes of one text in a record
	maxRecipients = 1000    // Exchange accepts no message with more
)

// record is the leaf of the tree: these fields, in this order, as JSON. A new
// field goes to the end of its group with omitempty; any other change is a new
// version, because the bytes of old entries are hashed and never rewritten.
type record struct {
	Version  int               `json:"v"`
	Kind     Kind              `json:"kind"`
	ID       string            `json:"id"`
	Time     string            `json:"time"`
	TenantID string            `json:"tenantId,omitempty"`
	ClientID string            `json:"clientId,omitempty"`
	GrantID  string            `json:"grantId,omitempty"`
	Personal map[string]string `json:"personal,omitempty"` // field to commitment; encoding/json sorts the keys
	Service  string            `json:"service,omitempty"`  // who called, where it was no person

	Tool      string   `json:"mcpTool,omitempty"`
	Effect    Effect   `json:"effect,omitempty"`
	RequestID string   `json:"requestId,omitempty"`
	Target    string   `json:"target,omitempty"`
	Decision  string   `json:"decision,omitempty"`
	Rule      string   `json:"rule,omitempty"`
	Findings  []string `json:"findings,omitempty"`

	Status        Status         `json:"status,omitempty"`
	Code          string         `json:"code,omitempty"`
	GraphRequests []GraphRequest `json:"graphRequests,omitempty"`
	DurationMS    int64          `json:"durationMs,omitempty"`
	Items         int            `json:"items,omitempty"`

	Type       string            `json:"type,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`
}

// draft is an encoded entry on its way to an index.
type draft struct {
	kind     Kind
	id       string
	record   []byte
	personal *Personal
}

func intentDraft(in Intent, now time.Time) (draft, error) {
	if _, err := ulid.ParseStrict(in.ID); err != nil {
		return draft{}, fmt.Errorf("%w: intent id %q: %w", ErrInvalid, in.ID, err)
	}
	if in.Effect != EffectRead && in.Effect != EffectWrite {
		return draft{}, fmt.Errorf("%w: intent %s: effect %q", ErrInvalid, in.ID, in.Effect)
	}
	// Clipping the list would make the evidence false, so the call is refused instead.
	if len(in.Recipients) > maxRecipients {
		return draft{}, fmt.Errorf("%w: intent %s: %d recipients", ErrInvalid, in.ID, len(in.Recipients))
	}
	values := principalValues(in.Principal)
	if in.PlanDigest != "" {
		values[fieldPlanDigest] = in.PlanDigest
	}
	for i, r := range in.Recipients {
		values[recipientField(i)] = r
	}
	return newDraft(record{
		Kind: KindIntent, ID: in.ID, Time: stamp(in.Time, now),
		Tool: clip(in.Tool), Effect: in.Effect, RequestID: clip(in.RequestID), Target: clip(in.Target),
		Decision: clip(in.Decision), Rule: clip(in.Rule), Findings: clipAll(in.Findings),
	}, in.Principal, values)
}

func outcomeDraft(out Outcome, now time.Time) (draft, error) {
	switch out.Status {
	case StatusOK, StatusError, StatusDenied, StatusUnknown:
	default:
		return draft{}, fmt.Errorf("%w: outcome %s: status %q", ErrInvalid, out.ID, out.Status)
	}
	requests := slices.Clone(out.GraphRequests)
	for i, r := range requests {
		r.ID, r.RequestID, r.Method, r.Path = clip(r.ID), clip(r.RequestID), clip(r.Method), clip(r.Path)
		requests[i] = r
	}
	return newDraft(record{
		Kind: KindOutcome, ID: out.ID, Time: stamp(out.Time, now), Status: out.Status, Code: clip(out.Code),
		GraphRequests: requests, DurationMS: out.Duration.Milliseconds(), Items: out.Items,
	}, identity.Principal{}, nil)
}

func eventDraft(ev Event, now time.Time) (draft, error) {
	if ev.Type == "" || len(ev.Type) > maxText {
		return draft{}, fmt.Errorf("%w: event type of %d bytes", ErrInvalid, len(ev.Type))
	}
	id, err := ulid.New(ulid.Timestamp(now), rand.Reader)
	if err != nil {
		return draft{}, fmt.Errorf("audit: event id: %w", err)
	}
	attributes := make(map[string]string, len(ev.Attributes))
	for k, v := range ev.Attributes {
		attributes[clip(k)] = clip(v)
	}
	return newDraft(record{
		Kind: KindEvent, ID: id.String(), Time: stamp(ev.Time, now), Type: clip(ev.Type), Attributes: attributes,
	}, ev.Principal, principalValues(ev.Principal))
}

func newDraft(r record, p identity.Principal, values map[string]string) (draft, error) {
	maps.DeleteFunc(values, func(_, v string) bool { return v == "" })
	r.Version = recordVersion
	r.TenantID, r.ClientID, r.GrantID = clip(p.TenantID), clip(p.ClientID), clip(p.GrantID)
	r.Service = clip(p.Service)
	d := draft{kind: r.Kind, id: r.ID}
	if len(values) > 0 {
		var err error
		if r.Personal, d.personal, err = commitTo(values); err != nil {
			return draft{}, err
		}
		d.personal.TenantID, d.personal.UserID = r.TenantID, clean(p.UserID)
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return draft{}, fmt.Errorf("audit: encode: %w", err)
	}
	d.record = bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	return d, nil
}

func decodeRecord(data []byte) (record, error) {
	var r record
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return record{}, fmt.Errorf("audit: record: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return record{}, errors.New("audit: record: data after its end")
	}
	if r.Version != recordVersion {
		return record{}, fmt.Errorf("audit: record: version %d is unknown to this program", r.Version)
	}
	switch r.Kind {
	case KindIntent, KindOutcome, KindEvent:
		return r, nil
	default:
		return record{}, fmt.Errorf("audit: record: kind %q", r.Kind)
	}
}

func stamp(t, now time.Time) string {
	if t.IsZero() {
		t = now
	}
	return t.UTC().Format(timeLayout)
}

// clean makes text that every engine can store: PostgreSQL refuses NUL and broken UTF-8.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// clip bounds text that a client may have chosen. It marks the cut.
func clip(s string) string {
	const mark = "…"
	s = clean(s)
	if len(s) <= maxText {
		return s
	}
	end := maxText - len(mark)
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + mark
}

func clipAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = clip(s)
	}
	return out
}

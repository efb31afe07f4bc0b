package audit

import (
	"context"
	"fmt"
)

// What a [Line] shows instead of a personal value.
const (
	Erased   = "[erased]"
	Mismatch = "[mismatch]" // the value does not open its commitment: it is no evidence
)

// Line is one entry as people and their log systems read it, one JSON object per line.
type Line struct {
	Index             int64             `json:"index"`
	ID                string            `json:"id"`
	Kind              Kind              `json:"kind"`
	Time              string            `json:"time"` // RFC 3339, UTC
	Type              string            `json:"type,omitempty"`
	Tool              string            `json:"mcpTool,omitempty"`
	Effect            Effect            `json:"effect,omitempty"`
	TenantID          string            `json:"tenantId,omitempty"`
	UserID            string            `json:"userId,omitempty"`
	UserEmail         string            `json:"userEmail,omitempty"`
	UPN               string            `json:"microsoftUserPrincipalName,omitempty"`
	DisplayName       string            `json:"microsoftDisplayName,omitempty"`
	PerimeterIdentity string            `json:"perimeterIdentity,omitempty"`
	Service           string            `json:"service,omitempty"` // who called, where it was no person
	ClientID          string            `json:"clientId,omitempty"`
	GrantID           string            `json:"grantId,omitempty"`
	RequestID         string            `json:"requestId,omitempty"`
	Target            string            `json:"target,omitempty"`
	Recipients        []string          `json:"recipients,omitempty"`
	PlanDigest        string            `json:"planDigest,omitempty"`
	Decision          string            `json:"decision,omitempty"`
	Rule              string            `json:"rule,omitempty"`
	Findings          []string          `json:"findings,omitempty"`
	Status            Status            `json:"status,omitempty"`
	Code              string            `json:"code,omitempty"`
	GraphRequests     []GraphRequest    `json:"graphRequests,omitempty"`
	DurationMS        int64             `json:"durationMs,omitempty"`
	Items             int               `json:"items,omitempty"`
	Attributes        map[string]string `json:"attributes,omitempty"`
	Damaged           string            `json:"damaged,omitempty"` // why nothing but the index can be read of it
}

// Reader shows the log. The store may be open for reading only, beside a server that writes.
type Reader struct{ store Store }

// NewReader reads from the store.
func NewReader(store Store) *Reader { return &Reader{store: store} }

// Tail calls fn for every entry with index from or above, in order, up to the
// present end; a damaged one is a line too. To follow the log, call it again from
// the last index plus one. It returns fn's error at once. What it shows is proven
// by [Verify] only.
func (r *Reader) Tail(ctx context.Context, from int64, fn func(Line) error) error {
	for {
		entries, err := r.store.Entries(ctx, from, pageSize)
		if err != nil {
			return fmt.Errorf("audit: tail: %w", err)
		}
		for _, e := range entries {
			if err := fn(newLine(e)); err != nil {
				return err
			}
			from = e.Index + 1
		}
		if len(entries) < pageSize {
			return nil
		}
	}
}

func newLine(e Entry) Line {
	r, err := decodeRecord(e.Record)
	if err != nil {
		return Line{Index: e.Index, Damaged: err.Error()}
	}
	disclosed, broken := e.Personal.disclosures()
	show := func(field string) string {
		committed, ok := r.Personal[field]
		if !ok {
			return ""
		}
		d, held := disclosed[field]
		switch {
		case e.Personal == nil:
			return Erased
		case broken != nil || !held || !d.opens(field, committed):
			return Mismatch
		default:
			return d.Value
		}
	}
	line := Line{
		Index: e.Index, ID: r.ID, Kind: r.Kind, Time: r.Time, Type: r.Type, Tool: r.Tool, Effect: r.Effect,
		TenantID: r.TenantID, UserID: show(fieldUserID), UserEmail: show(fieldEmail), UPN: show(fieldUPN),
		DisplayName: show(fieldDisplayName), PerimeterIdentity: show(fieldPerimeter),
		Service: r.Service, ClientID: r.ClientID, GrantID: r.GrantID, RequestID: r.RequestID,
		Target: r.Target, PlanDigest: show(fieldPlanDigest), Decision: r.Decision, Rule: r.Rule, Findings: r.Findings,
		Status: r.Status, Code: r.Code, GraphRequests: r.GraphRequests, DurationMS: r.DurationMS, Items: r.Items,
		Attributes: r.Attributes,
	}
	for i := range len(r.Personal) {
		if _, ok := r.Personal[recipientField(i)]; !ok {
			break
		}
		line.Recipients = append(line.Recipients, show(recipientField(i)))
	}
	return line
}

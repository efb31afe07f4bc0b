// Package audit keeps append-only evidence of what was done on whose behalf: a
// Merkle log (RFC 6962 hashing, golang.org/x/mod/sumdb/tlog) with checkpoints
// signed by a key that is held outside the database.
//
// The flow of one entry:
//
//	Intent, Outcome, Denied, Event -> record (canonical JSON, persons only as
//	salted commitments) -> queue -> committer (one goroutine, group commit)
//	-> tree -> Store.Append (entries, hashes, personal values, checkpoint)
//
// A caller returns when its own entry is committed. The intent of a write and
// every event are on the disk by then; all other entries are with the operating
// system, which survives kill -9, and a checkpoint covers them, synced, at most
// [SignInterval] later.
//
// [Reader] shows the entries, [Verify] proves them. [Log.Erase] forgets a person
// and leaves every proof whole, because the tree holds commitments only.
//
// What stays readable for ever, and so must never hold a person's data: ids of
// calls, tenants, clients, grants and requests, names of tools, rules, detectors
// and error codes, path templates, counts and times. Bodies, subjects, file
// names and tokens have no field here.
package audit

import (
	"errors"
	"time"

	"m365mcp/identity"
)

var (
	// ErrClosed is returned for entries that arrive after Close.
	ErrClosed = errors.New("audit: the log is closed")
	// ErrConflict is returned by [Store.Append] when another writer has appended.
	ErrConflict = errors.New("audit: another process writes to this log")
	// ErrDamaged is wrapped by errors of a [Store] whose database is no log any more:
	// a table is missing, or the file is none of its kind.
	ErrDamaged = errors.New("audit: the database holds no readable log")
	// ErrInconsistent is wrapped by errors of [Open] on a log that contradicts its last checkpoint.
	ErrInconsistent = errors.New("audit: the log contradicts its last checkpoint")
	// ErrInvalid is wrapped by errors about an entry that cannot be recorded faithfully.
	ErrInvalid = errors.New("audit: invalid entry")
)

// SignInterval is the longest time that a committed entry stays without a signed checkpoint.
const SignInterval = time.Second

// Kind tells the three records apart.
type Kind string

// The kinds of records.
const (
	KindIntent  Kind = "intent"
	KindOutcome Kind = "outcome"
	KindEvent   Kind = "event"
)

// Effect says whether a call only looks or also changes something.
type Effect string

// The effects of calls.
const (
	EffectRead  Effect = "read"
	EffectWrite Effect = "write"
)

// Status is how a call ended.
type Status string

// The ends of calls.
const (
	StatusOK      Status = "ok"
	StatusError   Status = "error"
	StatusDenied  Status = "denied"
	StatusUnknown Status = "unknown" // it may or may not have happened
)

// CodeInterrupted is the code of outcomes that recovery wrote for intents without one.
const CodeInterrupted = "interrupted"

// eventErase is written by Erase alone; its count lets Verify tell an erasure
// from values that somebody removed in silence.
const (
	eventErase    = "audit.erase"
	attrEntries   = "entries"
	reservedEvent = "audit."
)

// Intent is what a call is about to do, recorded before anything is sent.
type Intent struct {
	ID         string    // ULID of the call
	Time       time.Time // zero: now
	Tool       string
	Effect     Effect
	Principal  identity.Principal
	RequestID  string   // of the MCP request
	Target     string   // path template such as "me/messages/{id}", never content
	Recipients []string // personal: who would receive what leaves
	PlanDigest string   // hex SHA-256; personal, since short plans can be guessed from it
	Decision   string   // allow, deny, ...
	Rule       string   // that decided
	Findings   []string // names of DLP detectors, never what they found
}

// Outcome is how the call with the same ID ended.
type Outcome struct {
	ID            string
	Time          time.Time // zero: now
	Status        Status
	Code          string // of the product's error taxonomy
	GraphRequests []GraphRequest
	Duration      time.Duration
	Items         int // results handed to the model
}

// GraphRequest is one request that the gateway sent for a call.
type GraphRequest struct {
	ID        string `json:"id"`                  // the gateway's ULID
	RequestID string `json:"requestId,omitempty"` // Graph's request-id header
	Method    string `json:"method"`
	Path      string `json:"path"` // template, never with values
	Status    int    `json:"status,omitempty"`
	Attempts  int    `json:"attempts,omitempty"`
}

// Event is something outside calls that matters to a security team.
type Event struct {
	Time       time.Time // zero: now
	Type       string    // such as "oauth.consent"; "audit." is reserved
	Principal  identity.Principal
	Attributes map[string]string // kept for ever in clear: no personal data
}

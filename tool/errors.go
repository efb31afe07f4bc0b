package tool

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"m365mcp/content"
	"m365mcp/graph"
)

// Error is a failed call in words for a model and its person: what failed, why,
// what to do. The cause is for logs; it never leaves the server.
type Error struct {
	Code           string        `json:"code"`
	Message        string        `json:"message"` // what failed and why
	Action         string        `json:"action"`  // what to do now
	Fields         []FieldError  `json:"fields,omitempty"`
	Scopes         []string      `json:"scopes,omitempty"` // delegated scopes at Microsoft that are missing
	RetryAfter     time.Duration `json:"-"`
	RequestID      string        `json:"requestId"`
	GraphRequestID string        `json:"graphRequestId,omitempty"`
	cause          error
}

// The codes of failed calls.
const (
	CodeInvalidArguments  = "invalid_arguments"
	CodeUnknownTool       = "unknown_tool"
	CodeInsufficientScope = "insufficient_scope"
	CodeNotForServices    = "not_for_services"
	CodePolicyDenied      = "policy_denied"
	CodeApprovalRequired  = "approval_required"
	CodeAuditUnavailable  = "audit_unavailable"
	CodeSignInRequired    = "sign_in_required"
	CodeRevoked           = "access_revoked"
	CodeKeyMismatch       = "encryption_key_mismatch"
	CodeThrottled         = "throttled"
	CodeNotFound          = "not_found"
	CodeChanged           = "changed"
	CodeConflict          = "conflict"
	CodeLocked            = "locked"
	CodeTooLarge          = "too_large"
	CodeForbidden         = "forbidden"
	CodeGraph             = "graph_error"
	CodeUnreachable       = "graph_unreachable"
	CodeApp               = "app_error"
	CodeAppUnreachable    = "app_unreachable"
	CodeOutcomeUnknown    = "outcome_unknown"
	CodeCancelled         = "cancelled"
	CodeInternal          = "internal_error"
)

func (e *Error) Error() string {
	if e.cause != nil {
		return e.Code + ": " + e.cause.Error()
	}
	return e.Code + ": " + e.Message
}

func (e *Error) Unwrap() error { return e.cause }

// Text is the error as the model reads it.
func (e *Error) Text(tool string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s failed (%s): %s", tool, e.Code, e.Message)
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "\n- %s %s", f.Field, f.Problem)
	}
	fmt.Fprintf(&b, "\nWhat to do: %s\nRequest id: %s", e.Action, e.RequestID)
	if e.GraphRequestID != "" {
		fmt.Fprintf(&b, "; Microsoft Graph request-id: %s", e.GraphRequestID)
	}
	return b.String()
}

func notForServices(service string, t *Tool) *Error {
	e := &Error{
		Code: CodeNotForServices, Message: t.Name + " works on a person's data, and this connection is the service " + service + ", which acts for nobody. Nothing was done.",
		Action: "use a connection that a person has signed in to.",
	}
	switch {
	case service == "":
		e.Message = "this connection names nobody. Nothing was done."
	case t.Anyone:
		e.Message = "the service " + service + " may not use " + t.Name + ". Nothing was done."
		e.Action = "an administrator can add it to the service's tools (oauth.clients)."
	}
	return e
}

func invalidArguments(problems []FieldError) *Error {
	return &Error{
		Code: CodeInvalidArguments, Message: "the arguments are not valid; nothing was done.",
		Action: "correct the fields named above and call again.", Fields: problems,
	}
}

// Invalid is for a tool's Plan to refuse an argument beyond its field's schema.
func Invalid(field, problem string) error {
	return invalidArguments([]FieldError{{field, problem}})
}

// explain turns any failure into an Error. It is the one place where internal
// errors become words for the outside.
func explain(err error) *Error {
	if te, ok := errors.AsType[*Error](err); ok {
		return te
	}
	if ge, ok := errors.AsType[*graph.Error](err); ok {
		e := explainGraph(ge)
		if ge.App != "" {
			e = explainApp(ge)
		}
		e.GraphRequestID, e.RetryAfter, e.cause = ge.RequestID, ge.RetryAfter, err
		return e
	}
	if errors.Is(err, graph.ErrSegment) {
		return invalidArguments([]FieldError{{"(an id)", "is none: it is empty, too long, or has characters that no id has. Take ids from results"}})
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return &Error{
			Code: CodeCancelled, Message: "the call was cancelled or took too long; nothing was changed.",
			Action: "call again, with a smaller request if it took too long.", cause: err,
		}
	}
	return &Error{
		Code: CodeInternal, Message: "an error inside this server.",
		Action: "try once more; if it fails again, give the request id to your administrator.", cause: err,
	}
}

func explainGraph(ge *graph.Error) *Error {
	switch ge.Kind {
	case graph.KindSignIn:
		return &Error{
			Code: CodeSignInRequired, Message: "Microsoft no longer accepts the sign-in behind this connection.",
			Action: "ask the person to reconnect this server in the assistant's settings and sign in again.",
		}
	case graph.KindRevoked:
		return &Error{
			Code: CodeRevoked, Message: "access was revoked, or could not be confirmed, before anything was sent.",
			Action: "ask the person to reconnect this server; if that fails, ask the administrator.",
		}
	case graph.KindSealed:
		return &Error{
			Code: CodeKeyMismatch, Message: "this server cannot open the tokens of this connection: its encryption key is not the one they were sealed with.",
			Action: "ask the administrator to put the old ENCRYPTION_KEY back (it may stand second); without it, the person has to reconnect.",
		}
	case graph.KindUnknown:
		return &Error{
			Code: CodeOutcomeUnknown, Message: "Microsoft Graph gave no clear answer" + statusWords(ge) + "; the change may or may not have happened, and was not repeated.",
			Action: "do not call again before checking whether it happened (for a mail: look in Sent Items with getEmails, folder \"sentitems\").",
		}
	case graph.KindNetwork:
		return &Error{
			Code: CodeUnreachable, Message: "Microsoft Graph or the sign-in service could not be reached; nothing was changed.",
			Action: "try again in a minute; if it fails again, ask the administrator to run `m365-mcp check`.",
		}
	case graph.KindProtocol:
		return &Error{
			Code: CodeGraph, Message: "Microsoft Graph's answer could not be read" + statusWords(ge) + ".",
			Action: "try again; if it fails again, give both ids to your administrator.",
		}
	case graph.KindGraph:
		return explainStatus(ge)
	case graph.KindRefused:
	}
	return &Error{
		Code: CodeInternal, Message: "the gateway refused a request that this call was not decided for; it was not sent.",
		Action: "give the request id to your administrator.",
	}
}

func explainStatus(ge *graph.Error) *Error {
	e := &Error{Message: "Microsoft Graph refused" + statusWords(ge) + "."}
	// What Graph says can hold what other people wrote: one line, in quotes, as its words.
	if m := content.Line(ge.Message, 300); m != "" {
		e.Message = "Microsoft Graph refused" + statusWords(ge) + ". Its words: “" + m + "”"
	}
	switch ge.Status {
	case 403:
		e.Code, e.Action = CodeForbidden, forbiddenAction(nil)
	case 404:
		e.Code, e.Action = CodeNotFound, "check the id or name, and whether it was moved or deleted; list the items again to get a current one."
	case 409:
		e.Code, e.Action = CodeConflict, "something of this name is already there, or it was changed at the same moment; choose another name, or look at it again."
	case 410:
		e.Code, e.Action = CodeNotFound, "it is no longer there, or the list has to be read again from its beginning (without cursor)."
	case 412:
		changed := changedSince()
		e.Code, e.Message, e.Action = changed.Code, changed.Message, changed.Action
	case 413:
		e.Code, e.Action = CodeTooLarge, "send less, or the file through an upload (see uploadFile)."
	case 423:
		e.Code, e.Action = CodeLocked, "somebody has it open or checked out; try again later, or ask that person to close it."
	case 429, 503, 504, 509:
		e.Code = CodeThrottled
		e.Action = "wait before calling again."
		if ge.RetryAfter > 0 {
			e.Action = fmt.Sprintf("wait %d seconds before calling again.", int(ge.RetryAfter.Round(time.Second).Seconds()))
		}
	case 507:
		e.Code, e.Action = CodeTooLarge, "the mailbox or drive is full; the person has to make room."
	default:
		e.Code = CodeGraph
		e.Action = "change the request as the message says, or give both ids to your administrator."
	}
	return e
}

// changedSince is for what is no longer what the decision was made about.
func changedSince() *Error {
	return &Error{
		Code: CodeChanged, Message: "it was changed by somebody since it was looked at. Nothing was done.",
		Action: "read it again, and call again if the change is still wanted.",
	}
}

// forbiddenAction says who can help after a 403. The connection has the scopes that
// the call needs, or nothing would have been sent: to grant them again helps nobody.
func forbiddenAction(scopes []string) string {
	const whom = "ask the owner of the item or the administrator."
	if len(scopes) == 0 {
		return "the person lacks the right in Microsoft 365; " + whom
	}
	return "the permission (" + strings.Join(scopes, ", ") + ") is granted, so the person's own right in Microsoft 365 is missing, or the organization forbids it; " + whom
}

func statusWords(ge *graph.Error) string {
	switch {
	case ge.Status == 0:
		return ""
	case ge.Code == "":
		return fmt.Sprintf(" (status %d)", ge.Status)
	}
	return fmt.Sprintf(" (status %d, %s)", ge.Status, content.Line(ge.Code, 60))
}

func shortenTo(s string, limit int) string {
	if r := []rune(s); len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return s
}

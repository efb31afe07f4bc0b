package tool

import (
	"errors"
	"fmt"
	"time"

	"m365mcp/content"
	"m365mcp/graph"
)

// explainApp says what a linked app's failure means. The app is no Microsoft service:
// neither a sign-in nor a permission there would help.
func explainApp(ge *graph.Error) *Error {
	app := "the linked app " + ge.App
	switch ge.Kind {
	case graph.KindGraph:
		return explainAppStatus(app, ge)
	case graph.KindUnknown:
		return &Error{
			Code: CodeOutcomeUnknown, Message: app + " gave no clear answer" + statusWords(ge) + "; the change may or may not have happened, and was not repeated.",
			Action: "do not call again before checking in the app whether it happened.",
		}
	case graph.KindNetwork:
		return &Error{
			Code: CodeAppUnreachable, Message: app + " did not answer in time, or could not be reached; nothing was changed.",
			Action: "try again in a minute; if it fails again, ask the administrator.",
		}
	case graph.KindProtocol:
		if errors.Is(ge, graph.ErrTooLarge) {
			return &Error{Code: CodeTooLarge, Message: "the answer of " + app + " is larger than this server takes.", Action: "ask for less, with narrower arguments."}
		}
		return &Error{
			Code: CodeApp, Message: app + " sent the request elsewhere" + statusWords(ge) + ", and this server does not follow: credentials go to the app alone.",
			Action: "ask the administrator to look at the app's address and how it signs in.",
		}
	case graph.KindRefused, graph.KindSignIn, graph.KindRevoked, graph.KindSealed:
	}
	return explainGraph(ge)
}

func explainAppStatus(app string, ge *graph.Error) *Error {
	e := &Error{Code: CodeApp, Message: app + " refused" + statusWords(ge) + ".", Action: "change the request as the message says, or ask the administrator."}
	if m := content.Line(ge.Message, 300); m != "" { // others' words: one line, in quotes
		e.Message = app + " refused" + statusWords(ge) + ". Its words: “" + m + "”"
	}
	switch ge.Status {
	case 401:
		e.Code, e.Action = CodeForbidden, "the app does not take what this server proves the call with; ask the administrator."
	case 403:
		e.Code, e.Action = CodeForbidden, "the person lacks the right in this app; ask its owner or the administrator."
	case 404, 410:
		e.Code, e.Action = CodeNotFound, "check the arguments; it may have been deleted."
	case 409, 412:
		e.Code, e.Action = CodeConflict, "look at it again before another try."
	case 413:
		e.Code, e.Action = CodeTooLarge, "send less."
	case 429, 503:
		e.Code, e.Action = CodeThrottled, "wait before calling again."
		if ge.RetryAfter > 0 {
			e.Action = fmt.Sprintf("wait %d seconds before calling again.", int(ge.RetryAfter.Round(time.Second).Seconds()))
		}
	}
	return e
}

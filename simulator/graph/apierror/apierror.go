// Package apierror is the error format of Microsoft Graph, and the words of its
// parts for what several operations refuse: Exchange, the directory, OData.
package apierror

import (
	"fmt"
	"net/http"
)

// Error is an answer in the error format of Microsoft Graph.
type Error struct {
	Status        int
	Code, Message string
	Header        map[string]string
}

func (e *Error) Error() string { return fmt.Sprintf("%d %s: %s", e.Status, e.Code, e.Message) }

// BadRequest is a status 400 of one's own wording.
func BadRequest(code, format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Code: code, Message: fmt.Sprintf(format, args...)}
}

// ItemNotFound is Exchange's answer to a well-formed id of nothing.
func ItemNotFound() *Error {
	return &Error{Status: http.StatusNotFound, Code: "ErrorItemNotFound", Message: "The specified object was not found in the store."}
}

// MalformedID is Exchange's answer to what is no id at all, a folder's display
// name included.
func MalformedID() *Error { return BadRequest("ErrorInvalidIdMalformed", "Id is malformed.") }

// AccessDenied is Exchange's answer to a missing scope or permission.
func AccessDenied() *Error {
	return &Error{Status: http.StatusForbidden, Code: "ErrorAccessDenied", Message: "Access is denied. Check credentials and try again."}
}

// InsufficientPrivileges is the directory's.
func InsufficientPrivileges() *Error {
	return &Error{Status: http.StatusForbidden, Code: "Authorization_RequestDenied", Message: "Insufficient privileges to complete the operation."}
}

// UnknownProperty is the answer to a $select or $filter of a property that the
// type lacks. Outlook's items and other types word it differently.
func UnknownProperty(name, typeName string) *Error {
	if typeName == "message" || typeName == "event" {
		return BadRequest("RequestBroker--ParseUri", "Could not find a property named '%s' on type 'microsoft.graph.%s'.", name, typeName)
	}
	return BadRequest("BadRequest", "Parsing OData Select and Expand failed: Could not find a property named '%s' on type 'microsoft.graph.%s'.", name, typeName)
}

// MethodNotAllowed is the answer to a method that a resource does not take.
func MethodNotAllowed() *Error {
	return &Error{Status: http.StatusMethodNotAllowed, Code: "Request_BadRequest", Message: "Specified HTTP method is not allowed for the request target."}
}

// Throttled is the answer to an app that asks too much of a mailbox.
func Throttled(limit, retryAfter string) *Error {
	return &Error{
		Status: http.StatusTooManyRequests, Code: "ApplicationThrottled",
		Message: "Application is over its " + limit + " limit.", Header: map[string]string{"Retry-After": retryAfter},
	}
}

// ResourceNotFound is the directory's answer to an object that is not there.
func ResourceNotFound(name string) *Error {
	return &Error{
		Status: http.StatusNotFound, Code: "Request_ResourceNotFound",
		Message: fmt.Sprintf("Resource '%s' does not exist or one of its queried reference-property objects are not present.", name),
	}
}

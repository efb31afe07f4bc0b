package graph

import (
	"fmt"
	"net/http"
)

// apiError is an answer in the error format of Microsoft Graph.
type apiError struct {
	status        int
	code, message string
	header        map[string]string
}

func (e *apiError) Error() string { return fmt.Sprintf("%d %s: %s", e.status, e.code, e.message) }

func badRequest(code, format string, args ...any) *apiError {
	return &apiError{status: http.StatusBadRequest, code: code, message: fmt.Sprintf(format, args...)}
}

// itemNotFound is Exchange's answer to a well-formed id of nothing.
func itemNotFound() *apiError {
	return &apiError{status: http.StatusNotFound, code: "ErrorItemNotFound", message: "The specified object was not found in the store."}
}

// malformedID is Exchange's answer to what is no id at all, a folder's display
// name included.
func malformedID() *apiError { return badRequest("ErrorInvalidIdMalformed", "Id is malformed.") }

// accessDenied is Exchange's answer to a missing scope or permission.
func accessDenied() *apiError {
	return &apiError{status: http.StatusForbidden, code: "ErrorAccessDenied", message: "Access is denied. Check credentials and try again."}
}

// insufficientPrivileges is the directory's.
func insufficientPrivileges() *apiError {
	return &apiError{status: http.StatusForbidden, code: "Authorization_RequestDenied", message: "Insufficient privileges to complete the operation."}
}

// unknownProperty is the answer to a $select or $filter of a property that the
// type lacks. Outlook's items and other types word it differently.
func unknownProperty(name, typeName string) *apiError {
	if typeName == "message" || typeName == "event" {
		return badRequest("RequestBroker--ParseUri", "Could not find a property named '%s' on type 'microsoft.graph.%s'.", name, typeName)
	}
	return badRequest("BadRequest", "Parsing OData Select and Expand failed: Could not find a property named '%s' on type 'microsoft.graph.%s'.", name, typeName)
}

package library

import (
	"fmt"
	"net/http"

	"m365mcp/simulator/graph/apierror"
)

// The errors of OneDrive and SharePoint have codes of their own ("Microsoft
// Graph error responses and resource types", OneDrive's codes).

// NotFound is the answer to an id or a path of nothing.
func NotFound() *apierror.Error {
	return &apierror.Error{Status: http.StatusNotFound, Code: "itemNotFound", Message: "The resource could not be found."}
}

// Denied is the answer to who lacks the right.
func Denied(message string) *apierror.Error {
	return &apierror.Error{Status: http.StatusForbidden, Code: "accessDenied", Message: message}
}

// Invalid is a malformed request.
func Invalid(format string, args ...any) *apierror.Error {
	return apierror.BadRequest("invalidRequest", format, args...)
}

// NotSupported is a valid request that the simulated tenant refuses.
func NotSupported(format string, args ...any) *apierror.Error {
	return apierror.BadRequest("notSupported", format, args...)
}

// NameExists is a conflict of names.
func NameExists(name string) *apierror.Error {
	return &apierror.Error{
		Status: http.StatusConflict, Code: "nameAlreadyExists",
		Message: fmt.Sprintf("An item with the name '%s' already exists under the parent.", name),
	}
}

// Modified is the answer to an eTag that is no longer the item's.
func Modified() *apierror.Error {
	return &apierror.Error{Status: http.StatusPreconditionFailed, Code: "resourceModified", Message: "ETag does not match current item's value"}
}

// Locked is the answer to a change of what somebody else has checked out.
func Locked() *apierror.Error {
	return &apierror.Error{Status: http.StatusLocked, Code: "resourceLocked", Message: "The resource you are attempting to access is locked"}
}

// QuotaReached is the answer of a full drive.
func QuotaReached() *apierror.Error {
	return &apierror.Error{Status: http.StatusInsufficientStorage, Code: "quotaLimitReached", Message: "The user has reached their quota limit."}
}

// TooLarge is a file or a chunk that is not taken.
func TooLarge(format string, args ...any) *apierror.Error {
	return &apierror.Error{Status: http.StatusRequestEntityTooLarge, Code: "maxFileSizeExceeded", Message: fmt.Sprintf(format, args...)}
}

// Resync is the answer to a delta token that is too old, or none.
func Resync() *apierror.Error {
	return &apierror.Error{Status: http.StatusGone, Code: "resyncRequired", Message: "The delta token is no longer valid. Enumerate the items again without it."}
}

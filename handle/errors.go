package handle

import "errors"

// The other reasons of an [*Error], beside [ErrUnknown].
var (
	ErrWrongKind = errors.New("handle is of another kind")
	ErrMalformed = errors.New("neither a handle nor a Graph id")
)

// Error says why an id that a model gave cannot be used. Its text and its way out are
// made for the model: they repeat nothing but what has the shape of a handle. It
// unwraps to its reason.
type Error struct {
	Handle string // in lower case; empty where what was given is not even like one
	Is     Kind   // what the handle's prefix says
	Want   Kind   // what was asked for
	reason error
}

func (e *Error) Error() string {
	switch {
	case e.Handle == "":
		return "this is not an id: it is empty, too long, or not plain text"
	case errors.Is(e.reason, ErrWrongKind):
		return "the id " + e.Handle + " is of kind " + string(e.Is) + ", and kind " + string(e.Want) + " is needed"
	case errors.Is(e.reason, ErrMalformed):
		return "the id " + e.Handle + " is incomplete or mistyped"
	}
	return "the id " + e.Handle + " is not known to this person: it was mistyped, or not used for 90 days"
}

// Action is the way out.
func (e *Error) Action() string {
	if errors.Is(e.reason, ErrWrongKind) {
		return "list the items of kind " + string(e.Want) + " and give an id from there"
	}
	return "list the items again and give an id from there, letter for letter"
}

func (e *Error) Unwrap() error { return e.reason }

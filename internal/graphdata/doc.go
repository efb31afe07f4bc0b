// Package graphdata holds requests and answers against what Microsoft publishes
// about Graph v1.0: the OpenAPI description of its operations and the delegated
// permissions of each. It is for tests: the simulator's (is the answer one that
// Graph gives?) and the tools' (is the request one that Graph takes, with the
// scopes that were declared?).
//
// A request passes
//
//	Find          the operation: /v1.0, key and function syntax, path addressing
//	CheckRequest  its query options, headers and body
//	Allowed       the scopes that Microsoft lists for it
//
// and an answer passes CheckResponse. What Microsoft documents on its pages but
// the description cannot say stands in beyond.go, each with its page. Anything
// else that is not described is an error.
package graphdata

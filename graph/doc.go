// Package graph holds Microsoft Graph requests and answers as values. It builds
// paths and OData options so that nothing a model supplies can become a path
// segment, an option or a literal of its own, and it dials nothing: a [Doer]
// sends, and the only one that exists in production is the gateway's.
package graph

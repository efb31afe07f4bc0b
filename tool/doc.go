// Package tool runs Microsoft 365 tools. A [Tool] is data plus two functions:
// Plan says what a call would do, Do does it. Everything between and around
// them belongs to the [Runner], in one order that no tool can change:
//
//	decode -> plan -> DLP on what would leave -> policy -> approval
//	-> audit intent -> do -> DLP on what the model would see -> audit outcome
//
// A tool never sees the steps; it describes graph requests and sends them
// through a graph.Doer that is good for this one decided call.
package tool

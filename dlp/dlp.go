// Package dlp finds what should not leave: purely, in a text at hand. It
// decides nothing; the names of its findings go to policy and into the audit,
// the matched text goes nowhere.
package dlp

import "slices"

// Detector recognizes one kind of sensitive data.
type Detector struct {
	Name  string
	Match func(text string) bool
}

// Profile is the set of detectors that are on. The zero value has none and finds nothing.
type Profile struct{ detectors []Detector }

// New returns a profile of these detectors.
func New(detectors ...Detector) Profile { return Profile{detectors} }

// Empty reports whether nothing can be found.
func (p Profile) Empty() bool { return len(p.detectors) == 0 }

// Scan returns the names of the detectors that match one of texts, sorted.
func (p Profile) Scan(texts ...string) []string {
	var found []string
	for _, d := range p.detectors {
		if slices.ContainsFunc(texts, d.Match) {
			found = append(found, d.Name)
		}
	}
	slices.Sort(found)
	return found
}

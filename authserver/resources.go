package authserver

import (
	"fmt"
	"slices"
)

// A token is bound to the resource that its client named (RFC 8707): /mcp, which is
// also that of clients that name none, or another door with metadata of its own. A
// token for /mcp is good at every door; one for another door at that door, and on
// paths that are no resource themselves, such as uploads. A door that is taken out of
// the configuration takes its tokens with it.

func resourcesOf(publicURL string, doors []string) ([]string, error) {
	resources := []string{publicURL + mcpPath}
	for _, path := range doors {
		if !plainPath(path) {
			return nil, fmt.Errorf("authserver: door %q is no path", path)
		}
		resources = append(resources, publicURL+path)
	}
	return resources, nil
}

// serves reports whether tokens are issued for the resource.
func (s *Server) serves(resource string) bool { return slices.Contains(s.resources, resource) }

// accepts reports whether a token for resource is good on the path.
func (s *Server) accepts(path, resource string) bool {
	if own := s.issuer + path; s.serves(own) && resource != own {
		return resource == s.resource
	}
	return s.serves(resource)
}

// resourceOn is the resource that the path belongs to.
func (s *Server) resourceOn(path string) string {
	if own := s.issuer + path; s.serves(own) {
		return own
	}
	return s.resource
}

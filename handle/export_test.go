package handle

// Prefixes and Parse are what the tests outside the package look at.
var Prefixes = prefixes

func Parse(given string) (Kind, string, error) { return parse(given, letterCounts) }

// WithSizes makes handles of other lengths, so that they collide.
func (s *Service) WithSizes(sizes ...int) *Service {
	c := *s
	c.sizes = sizes
	return &c
}

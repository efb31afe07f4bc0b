package timezone

import (
	"maps"
	"slices"
)

// WindowsNames lists the Windows names.
func WindowsNames() []string { return slices.Sorted(maps.Keys(windows)) }

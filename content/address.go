package content

import "strings"

// Address writes a name and the mail address it came with. The name is whatever
// its owner likes, so it may not look like an address of somebody else.
func Address(name, address string) string {
	name = strings.TrimSpace(notInNames.Replace(Line(name, 100)))
	address = notInNames.Replace(Line(address, 320))
	switch {
	case name == "" || name == address:
		return address
	case address == "":
		return name
	}
	return name + " <" + address + ">"
}

var notInNames = strings.NewReplacer("<", "", ">", "", `"`, "")

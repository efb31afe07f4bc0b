// Package people has the tools that find people: those one works with, one's
// contacts, and everybody in the directory.
package people

import "m365mcp/tool"

const family = "people"

// Tools returns the family.
func Tools() []*tool.Tool { return []*tool.Tool{getContacts(), findPeople()} }

// maxPerPerson bounds the addresses and phones of one person: what somebody has more
// of is of no use in a list.
const maxPerPerson = 5

package dataset

import (
	"fmt"
	"strings"
)

// contacts knows everyone by a short name: members, groups and outsiders.
type contacts struct {
	byName  map[string]Address
	members map[string][]string // local parts of who gets mail to an address of ours
}

// newContacts reads lines "NAME = Display name <address>", for a group followed
// by ": member member" or ": *" (everyone).
func newContacts(staff []Person, text string) (*contacts, error) {
	c := &contacts{byName: make(map[string]Address), members: make(map[string][]string)}
	var everyone []string
	for _, p := range staff {
		local := localPart(p.UPN)
		everyone = append(everyone, local)
		c.byName[local] = Address{Name: p.DisplayName, Address: p.Mail}
		c.members[p.Mail] = []string{local}
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, _ := strings.Cut(line, " = ")
		display, rest, ok := strings.Cut(rest, " <")
		address, rest, closed := strings.Cut(rest, ">")
		if !ok || !closed {
			return nil, fmt.Errorf("contact %q: want NAME = Display name <address>", line)
		}
		if _, exists := c.byName[name]; exists {
			return nil, fmt.Errorf("contact %q is there twice", name)
		}
		c.byName[name] = Address{Name: display, Address: address}
		if group, isGroup := strings.CutPrefix(rest, ": "); group == "*" {
			c.members[address] = everyone
		} else if isGroup {
			c.members[address] = strings.Fields(group)
		}
	}
	return c, nil
}

func (c *contacts) address(name string) (Address, error) {
	a, ok := c.byName[name]
	if !ok {
		return Address{}, fmt.Errorf("nobody is called %q", name)
	}
	return a, nil
}

func (c *contacts) addresses(list string) ([]Address, error) {
	var out []Address
	for name := range strings.SplitSeq(list, ", ") {
		a, err := c.address(name)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func localPart(address string) string {
	local, _, _ := strings.Cut(address, "@")
	return local
}

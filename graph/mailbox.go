package graph

// Mailbox is whose mailbox, calendar or drive a request is for: "" is the
// signed-in person's own, else an address or object id.
type Mailbox string

// To is [To] below /me or /users/{mailbox}.
//
//	graph.Mailbox("team@example.com").To("/messages/{message}", id)
func (m Mailbox) To(template string, values ...string) (Path, error) {
	if m == "" {
		return To("/me"+template, values...)
	}
	return To("/users/{mailbox}"+template, append([]string{string(m)}, values...)...)
}

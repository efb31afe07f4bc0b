package dataset

import (
	"errors"
	"fmt"
	"html"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
)

// teamsParser reads the format of content/teams/*.teams:
//
//	%team NAME       headers Name, Description, Owners, Members, At
//	%channel NAME    of that team; headers Name, Description, Private (its members, the owner first), At
//	%chat NAME       headers Kind, Topic, Members, Unread, Meeting, At
//	%post and %reply of that channel or chat; headers From, At, Subject, Importance, Format (text, raw: HTML), Attachment ("id URL"), React ("👍 ada bruno", one each),
//	                 Edited, Deleted, Joined, Injection; an empty line; the text, with @[ada] and @[channel] as mentions
//	%meeting NAME    headers Subject, Organizer, Attendees, At, Minutes
//	%transcript      of that meeting; lines "ada: what she says"
type teamsParser struct {
	clock    clock
	tenant   *Tenant
	teamwork *Teamwork
	people   map[string]*Person // by local part

	channel *Channel
	posts   *[]Post // of the channel or chat
	thread  string  // its id
	root    string  // the last post that is no reply
}

func newTeamsParser(w *Teamwork, t *Tenant, now time.Time) *teamsParser {
	p := &teamsParser{clock: clock{now: now}, tenant: t, teamwork: w, people: map[string]*Person{}}
	for i := range t.People {
		p.people[localPart(t.People[i].UPN)] = &t.People[i]
	}
	return p
}

// block is a part of a file: a line "%kind name", headers, and a text.
type block struct {
	kind, name string
	headers    map[string][]string
	body       string
}

func (b block) get(name string) string { return strings.Join(b.headers[name], " ") }

// blocks splits a file; what stands before the first block is for its readers.
func blocks(text string) ([]block, error) {
	var out []block
	for i, part := range strings.Split("\n"+text, "\n%") {
		if i == 0 {
			continue
		}
		head, rest, _ := strings.Cut(part, "\n")
		b := block{headers: map[string][]string{}}
		b.kind, b.name, _ = strings.Cut(strings.TrimSpace(head), " ")
		for rest != "" {
			var line string
			line, rest, _ = strings.Cut(rest, "\n")
			if strings.TrimSpace(line) == "" {
				break
			}
			name, value, found := strings.Cut(line, ": ")
			if !found {
				return nil, fmt.Errorf("block %%%s %s: %q is not a header", b.kind, b.name, line)
			}
			b.headers[name] = append(b.headers[name], strings.TrimSpace(value))
		}
		b.body = strings.TrimSpace(rest)
		out = append(out, b)
	}
	return out, nil
}

func (p *teamsParser) parse(text string) error {
	list, err := blocks(text)
	if err != nil {
		return err
	}
	read := map[string]func(block) error{
		"team": p.team, "channel": p.newChannel, "chat": p.chat, "post": p.post, "reply": p.post, "meeting": p.meeting, "transcript": p.transcript,
	}
	for i, b := range list {
		handle, ok := read[b.kind]
		if !ok {
			return fmt.Errorf("block %%%s is unknown", b.kind)
		}
		if err := handle(b); err != nil {
			return fmt.Errorf("block %d, %%%s %s: %w", i+1, b.kind, b.name, err)
		}
	}
	return nil
}

// ids are the object ids of people by their local parts.
func (p *teamsParser) ids(names string) ([]string, error) {
	var out []string
	for name := range strings.FieldsSeq(names) {
		person, ok := p.people[name]
		if !ok {
			return nil, fmt.Errorf("nobody is called %q", name)
		}
		out = append(out, person.ID)
	}
	return out, nil
}

func (p *teamsParser) team(b block) (err error) {
	t := Team{ID: objectID("team", b.name), Name: b.get("Name"), Description: b.get("Description")}
	if t.Owners, err = p.ids(b.get("Owners")); err != nil {
		return err
	}
	if t.Members, err = p.ids(b.get("Members")); err != nil {
		return err
	}
	if t.Created, err = p.clock.at(b.get("At")); err != nil {
		return err
	}
	p.teamwork.Teams = append(p.teamwork.Teams, t)
	return nil
}

func (p *teamsParser) newChannel(b block) (err error) {
	if len(p.teamwork.Teams) == 0 {
		return errors.New("stands before its team")
	}
	t := &p.teamwork.Teams[len(p.teamwork.Teams)-1]
	c := Channel{ID: channelID(t.ID, b.name), Name: b.get("Name"), Description: b.get("Description"), Created: t.Created}
	c.Email = fmt.Sprintf("%x.%s@emea.teams.example", expand(4, "mail", c.ID), domain)
	if at := b.get("At"); at != "" {
		if c.Created, err = p.clock.at(at); err != nil {
			return err
		}
	}
	if c.Members, err = p.ids(b.get("Private")); err != nil {
		return err
	}
	c.Private = c.Members != nil
	t.Channels = append(t.Channels, c)
	p.channel = &t.Channels[len(t.Channels)-1]
	p.posts, p.thread = &p.channel.Posts, c.ID
	return nil
}

func (p *teamsParser) chat(b block) (err error) {
	c := Chat{ID: GroupChatID(b.name), Kind: b.get("Kind"), Topic: b.get("Topic")}
	if c.Members, err = p.ids(b.get("Members")); err != nil {
		return err
	}
	if c.Unread, err = p.ids(b.get("Unread")); err != nil {
		return err
	}
	if c.Created, err = p.clock.at(b.get("At")); err != nil {
		return err
	}
	switch c.Kind {
	case "oneOnOne":
		if len(c.Members) != 2 {
			return errors.New("a one-on-one chat has two members")
		}
		c.ID = OneOnOneChatID(c.Members[0], c.Members[1])
	case "meeting":
		meeting := objectID("meeting", b.get("Meeting"))
		i := slices.IndexFunc(p.teamwork.Meetings, func(m Meeting) bool { return m.ExternalID == meeting })
		if i < 0 {
			return fmt.Errorf("no meeting %q before it", b.get("Meeting"))
		}
		c.ID, c.MeetingID = p.teamwork.Meetings[i].ThreadID, p.teamwork.Meetings[i].ID
	case "group":
	default:
		return fmt.Errorf("kind %q", c.Kind)
	}
	p.teamwork.Chats = append(p.teamwork.Chats, c)
	p.channel = nil
	p.posts, p.thread = &p.teamwork.Chats[len(p.teamwork.Chats)-1].Posts, c.ID
	return nil
}

func (p *teamsParser) post(b block) (err error) {
	if p.posts == nil {
		return errors.New("stands before its channel or chat")
	}
	m := Post{Subject: b.get("Subject"), Importance: "normal", HTML: b.get("Format") != "text"}
	if m.At, err = p.clock.at(b.get("At")); err != nil {
		return err
	}
	m.At = m.At.Add(time.Duration(draw(1000, "ms", p.thread, b.body)) * time.Millisecond)
	m.ID, m.Modified = PostID(m.At), m.At
	if importance := b.get("Importance"); importance != "" {
		m.Importance = importance
	}
	from, err := p.ids(b.get("From"))
	if err != nil || len(from) != 1 {
		return errors.Join(err, errors.New("a message is from one person"))
	}
	m.FromID = from[0]
	if m.Joined, err = p.ids(b.get("Joined")); err != nil {
		return err
	}
	if err := p.body(&m, b); err != nil {
		return err
	}
	if err := p.reactions(&m, b.headers["React"]); err != nil {
		return err
	}
	for _, line := range b.headers["Attachment"] {
		id, url, _ := strings.Cut(line, " ")
		m.Attachments = append(m.Attachments, PostAttachment{ID: id, ContentType: "reference", ContentURL: url, Name: path.Base(url)})
	}
	for name, into := range map[string]*time.Time{"Edited": &m.Edited, "Deleted": &m.Deleted} {
		if at := b.get(name); at != "" {
			if *into, err = p.clock.at(at); err != nil {
				return err
			}
			m.Modified = *into
		}
	}
	if b.kind == "reply" {
		m.ReplyTo = p.root
	} else {
		p.root = m.ID
	}
	if injection := b.get("Injection"); injection != "" {
		kind, marker, _ := strings.Cut(injection, " ")
		p.teamwork.injections = append(p.teamwork.injections, PostInjection{ThreadID: p.thread, MessageID: m.ID, Kind: kind, Marker: marker})
	}
	*p.posts = append(*p.posts, m)
	return nil
}

var mentionMark = regexp.MustCompile(`@\[(\w+)\]`)

// body makes HTML of a light text and marks who is mentioned in it.
func (p *teamsParser) body(m *Post, b block) error {
	m.Body = b.body
	switch b.get("Format") {
	case "text":
		return nil
	case "raw":
	default:
		paragraphs := strings.Split(html.EscapeString(b.body), "\n\n")
		m.Body = "<p>" + strings.ReplaceAll(strings.Join(paragraphs, "</p>\n<p>"), "\n", "<br>\n") + "</p>"
	}
	var unknown error
	m.Body = mentionMark.ReplaceAllStringFunc(m.Body, func(mark string) string {
		name := mentionMark.FindStringSubmatch(mark)[1]
		mention := Mention{Index: len(m.Mentions)}
		if person, ok := p.people[name]; ok {
			mention.Text, mention.PersonID = person.DisplayName, person.ID
		} else if name == "channel" && p.channel != nil {
			mention.Text, mention.ChannelID = p.channel.Name, p.channel.ID
		} else {
			unknown = fmt.Errorf("nobody is called %q", name)
		}
		m.Mentions = append(m.Mentions, mention)
		return fmt.Sprintf(`<at id="%d">%s</at>`, mention.Index, html.EscapeString(mention.Text))
	})
	return unknown
}

func (p *teamsParser) reactions(m *Post, lines []string) error {
	for _, line := range lines {
		emoji, names, _ := strings.Cut(line, " ")
		people, err := p.ids(names)
		if err != nil {
			return err
		}
		for i, id := range people {
			at := m.At.Add(time.Duration(3+7*i) * time.Minute)
			if at.After(p.clock.now) {
				at = m.At
			}
			m.Reactions = append(m.Reactions, Reaction{Emoji: emoji, PersonID: id, At: at})
			if at.After(m.Modified) {
				m.Modified = at
			}
		}
	}
	return nil
}

func (p *teamsParser) meeting(b block) error {
	start, err := p.clock.at(b.get("At"))
	if err != nil {
		return err
	}
	start = start.Truncate(5 * time.Minute)
	length, err := time.ParseDuration(b.get("Minutes") + "m")
	if err != nil {
		return fmt.Errorf("minutes: %w", err)
	}
	organizer, ok := p.people[b.get("Organizer")]
	if !ok {
		return fmt.Errorf("nobody is called %q", b.get("Organizer"))
	}
	var attendees []Attendee
	for name := range strings.FieldsSeq(b.get("Attendees")) {
		person, ok := p.people[name]
		if !ok {
			return fmt.Errorf("nobody is called %q", name)
		}
		attendees = append(attendees, Attendee{UPN: person.UPN, Role: "presenter"})
	}
	m := NewMeeting(p.tenant, b.name, organizer, b.get("Subject"), start, start.Add(length), start.AddDate(0, 0, -9), attendees)
	m.ExternalID = objectID("meeting", b.name)
	p.teamwork.Meetings = append(p.teamwork.Meetings, m)
	return nil
}

// transcript times its lines by their length: people say about two and a half words a second.
func (p *teamsParser) transcript(b block) error {
	if len(p.teamwork.Meetings) == 0 {
		return errors.New("stands before its meeting")
	}
	m := &p.teamwork.Meetings[len(p.teamwork.Meetings)-1]
	t := Transcript{ID: transcriptID(m.ID), CallID: objectID("call", m.ID), Start: m.Start.Add(92 * time.Second)}
	at := 3120 * time.Millisecond
	for line := range strings.Lines(b.body) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), ": ")
		speaker, ok := p.people[name]
		if !ok {
			return fmt.Errorf("nobody is called %q in %q", name, line)
		}
		said := time.Duration(700+400*len(strings.Fields(text))) * time.Millisecond
		t.Lines = append(t.Lines, Utterance{From: at, To: at + said, Speaker: speaker.DisplayName, Text: text})
		at += said + time.Duration(300+draw(2500, "pause", text))*time.Millisecond
	}
	if t.End = t.Start.Add(at); t.End.After(m.End) {
		return fmt.Errorf("it takes until %s, the meeting ends %s", t.End, m.End)
	}
	m.Transcripts = append(m.Transcripts, t)
	return nil
}

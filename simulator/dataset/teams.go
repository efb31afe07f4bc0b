package dataset

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// Teamwork is what the company does in Teams: teams with channels, chats, and
// online meetings. It is written in content/teams/*.teams (see teamsParser) and
// made by [LoadTeamwork].
type Teamwork struct {
	Teams    []Team
	Chats    []Chat
	Meetings []Meeting

	injections []PostInjection
}

// PostInjections lists the messages that carry instructions an assistant must
// not follow.
func (w *Teamwork) PostInjections() []PostInjection { return slices.Clone(w.injections) }

// PostInjection is one hidden instruction: a witness for tests.
type PostInjection struct {
	ThreadID  string // of the channel or chat
	MessageID string
	Kind      string // how it hides: "white-on-white", ...
	Marker    string // occurs in the body
}

// Team is a team. Its id is that of its group.
type Team struct {
	ID, Name, Description string
	Created               time.Time
	Owners                []string // people
	Members               []string // people, the owners among them
	Channels              []Channel
}

// Channel is a channel of a team. The first of each is the general one.
type Channel struct {
	ID, Name, Description, Email string
	Created                      time.Time
	Private                      bool
	Members                      []string // people, of a private channel only; the first owns it
	Posts                        []Post   // by time; a reply is after its post
}

// Chat is a conversation outside of teams.
type Chat struct {
	ID        string
	Kind      string // oneOnOne, group, meeting
	Topic     string
	Created   time.Time
	Members   []string // people
	Unread    []string // people who have not read the last message
	MeetingID string   // of a meeting's chat
	Posts     []Post
}

// Post is a message in a channel or chat.
type Post struct {
	ID          string // its time in milliseconds, as Teams has it
	ReplyTo     string // ID of the first message of its thread; empty: it is one
	FromID      string // person
	At          time.Time
	Modified    time.Time // the last change, reactions included
	Edited      time.Time // zero: never
	Deleted     time.Time // zero: not
	Subject     string
	Importance  string // normal, high, urgent
	HTML        bool   // Body is HTML, else text
	Body        string
	Mentions    []Mention
	Reactions   []Reaction
	Attachments []PostAttachment
	Joined      []string // people; not nil: a system message that they were added
}

// Mention is a person or a channel that <at id="n"> in the body stands for.
type Mention struct {
	Index     int
	Text      string
	PersonID  string
	ChannelID string // instead of a person
}

// Reaction is an emoji of a person on a message.
type Reaction struct {
	Emoji    string
	PersonID string
	At       time.Time
}

// PostAttachment is a file or card that <attachment id="..."> in the body stands for.
type PostAttachment struct{ ID, ContentType, ContentURL, Content, Name string }

// Meeting is an online meeting.
type Meeting struct {
	ID          string
	ThreadID    string // of its chat
	JoinURL     string
	JoinID      string // digits to join by
	ConfID      string // videoTeleconferenceId
	ExternalID  string
	Subject     string
	OrganizerID string
	Attendees   []Attendee
	Created     time.Time
	Start, End  time.Time
	Transcripts []Transcript
}

// Attendee is somebody who was invited to an online meeting.
type Attendee struct {
	UPN  string
	Role string // attendee, presenter, coorganizer
}

// Transcript is what was said in a meeting.
type Transcript struct {
	ID         string
	CallID     string
	Start, End time.Time
	Lines      []Utterance
}

// Utterance is a piece of a transcript.
type Utterance struct {
	From, To time.Duration // since the start
	Speaker  string        // display name
	Text     string
}

// LoadTeamwork makes the teams, chats and meetings as they are at now. The
// content is the company's: any other tenant has none. Ids do not depend on
// now, save those of messages, which are their time.
func LoadTeamwork(t *Tenant, now time.Time) *Teamwork {
	w := &Teamwork{}
	if !t.Shipped() {
		return w
	}
	if err := loadTeamwork(content, w, t, now); err != nil {
		panic(fmt.Sprintf("dataset: the embedded teams are broken: %v", err))
	}
	return w
}

func loadTeamwork(source fs.FS, w *Teamwork, t *Tenant, now time.Time) error {
	names, err := fs.Glob(source, "content/teams/*.teams")
	if err != nil {
		return fmt.Errorf("teams: %w", err)
	}
	p := newTeamsParser(w, t, now)
	for _, name := range names {
		text, err := expandTemplate(source, name, p.clock)
		if err != nil {
			return err
		}
		if err := p.parse(text); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for i := range w.Teams {
		for j := range w.Teams[i].Channels {
			sortPosts(w.Teams[i].Channels[j].Posts)
		}
	}
	for i := range w.Chats {
		sortPosts(w.Chats[i].Posts)
	}
	return nil
}

func sortPosts(posts []Post) {
	slices.SortStableFunc(posts, func(a, b Post) int { return cmp.Compare(a.ID, b.ID) })
}

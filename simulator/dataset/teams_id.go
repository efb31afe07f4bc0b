package dataset

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Ids of Teams look like the real ones, so that software which takes them apart
// or forgets to escape them shows its fault here: "19:...@thread.tacv2".

func channelID(team, channel string) string {
	return "19:" + hex.EncodeToString(expand(16, "channel", team, channel)) + "@thread.tacv2"
}

// GroupChatID is the id of a chat of several people; the key tells it from others.
func GroupChatID(key string) string {
	return "19:" + hex.EncodeToString(expand(16, "chat", key)) + "@thread.v2"
}

// OneOnOneChatID is the id of the chat of two people, whoever began it.
func OneOnOneChatID(a, b string) string {
	pair := []string{a, b}
	slices.Sort(pair)
	return "19:" + pair[0] + "_" + pair[1] + "@unq.gbl.spaces"
}

// PostID is the id of a message: its time in milliseconds.
func PostID(at time.Time) string { return fmt.Sprint(at.UnixMilli()) }

// NewMeeting makes an online meeting; the key tells it from others.
func NewMeeting(t *Tenant, key string, organizer *Person, subject string, start, end, created time.Time, attendees []Attendee) Meeting {
	thread := "19:meeting_" + base64.RawURLEncoding.EncodeToString([]byte(objectID("meeting", key))) + "@thread.v2"
	context := fmt.Sprintf(`{"Tid":"%s","Oid":"%s"}`, t.ID, organizer.ID)
	digits := fmt.Sprintf("%012d", draw(65536, "join", key)*int(1e6)+draw(65536, "join2", key)*15)
	return Meeting{
		ID:       base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "1*%s*0**%s", organizer.ID, thread)),
		ThreadID: thread, JoinURL: "https://teams.microsoft.com/l/meetup-join/" + lowerEscape(thread) + "/0?context=" + lowerEscape(context),
		JoinID: "2" + digits[:11], ConfID: fmt.Sprintf("1%09d", draw(65536, "vtc", key)*9973),
		Subject: subject, OrganizerID: organizer.ID, Attendees: attendees, Created: created, Start: start, End: end,
	}
}

// lowerEscape percent-encodes the way Teams does: %3a, not %3A.
func lowerEscape(text string) string {
	escaped := url.QueryEscape(text)
	var b strings.Builder
	for i := 0; i < len(escaped); i++ {
		if escaped[i] == '%' {
			b.WriteString(strings.ToLower(escaped[i : i+3]))
			i += 2
			continue
		}
		b.WriteByte(escaped[i])
	}
	return b.String()
}

func transcriptID(key string) string {
	return base64.RawURLEncoding.EncodeToString([]byte("1##0##" + objectID("transcript", key)))
}

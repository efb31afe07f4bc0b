package handle

import "fmt"

// Kind is what an id is of, in a word that a model may read.
type Kind string

// The kinds. The words are part of what a handle is computed from, and the prefixes
// of what models have seen: neither may change.
const (
	KindMail         Kind = "mail"
	KindConversation Kind = "mail conversation"
	KindFolder       Kind = "mail folder"
	KindAttachment   Kind = "attachment"
	KindEvent        Kind = "event"
	KindCalendar     Kind = "calendar"
	KindMeeting      Kind = "online meeting"
	KindTranscript   Kind = "transcript"
	KindTeam         Kind = "team"
	KindChannel      Kind = "channel"
	KindChat         Kind = "chat"
	KindMessage      Kind = "message" // of a chat or a channel
	KindDrive        Kind = "drive"
	KindDriveItem    Kind = "file or folder"
	KindSite         Kind = "site"
	KindList         Kind = "list" // of a site
	KindContact      Kind = "contact"
	KindPerson       Kind = "person"
	KindTaskList     Kind = "task list"
	KindPlan         Kind = "plan"
	KindTask         Kind = "task"
	KindCursor       Kind = "cursor" // of the next page of a list; no item
)

// Longer than one letter costs no token more.
var prefixes = map[Kind]string{
	KindMail: "m", KindConversation: "cv", KindFolder: "mf", KindAttachment: "at",
	KindEvent: "ev", KindCalendar: "ca", KindMeeting: "om", KindTranscript: "tr",
	KindTeam: "te", KindChannel: "cn", KindChat: "ch", KindMessage: "ms",
	KindDrive: "dr", KindDriveItem: "di", KindSite: "si", KindList: "li",
	KindContact: "ct", KindPerson: "pe", KindTaskList: "tl", KindPlan: "pl", KindTask: "ta", KindCursor: "cu",
}

// kindOf returns the kind with the prefix, or "".
func kindOf(prefix string) Kind {
	for kind, p := range prefixes {
		if p == prefix {
			return kind
		}
	}
	return ""
}

func errKind(kind Kind) error { return fmt.Errorf("handle: there is no kind %q", kind) }

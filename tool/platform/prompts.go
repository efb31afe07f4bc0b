package platform

import (
	"strings"

	"m365mcp/tool"
)

// Prompts returns what people ask assistants for every day.
func Prompts() []tool.Prompt {
	return []tool.Prompt{
		{
			Name: "dayBriefing", Title: "My day", Description: "A briefing for the day: meetings, mail that waits, tasks that are due.",
			Arguments: []tool.Field{{Name: "day", Description: "Which day, such as tomorrow; today if left out."}},
			Needs:     []string{"getCalendarEvents", "getEmails", "listTasks"},
			Text: func(a map[string]string) string {
				return "Brief me for " + or(a["day"], "today") + ". Read my calendar (getCalendarEvents), my unread and important mail (getEmails) and my tasks that are due (listTasks). " +
					"Answer in at most 15 lines: meetings in order with what I should know before each, mails that need an answer from me with the reason, tasks that are due or late. " +
					"Say where meetings overlap. Do not send, accept or change anything."
			},
		},
		{
			Name: "inboxTriage", Title: "Triage my inbox", Description: "Sorts the newest mails by what they need: an answer, a look, nothing.",
			Arguments: []tool.Field{{Name: "count", Description: "How many mails, at most 50; 25 if left out."}},
			Needs:     []string{"getEmails", "getEmail"},
			Text: func(a map[string]string) string {
				return "Triage the newest " + or(a["count"], "25") + " mails of my inbox (getEmails; open one with getEmail where its beginning does not tell). " +
					"Sort them into: needs an answer from me, needs a decision, to read, can be ignored. For each mail of the first two give sender, what is wanted, and by when. " +
					"Propose what to do, and do nothing before I say so."
			},
		},
		{
			Name: "meetingPreparation", Title: "Prepare a meeting", Description: "What to know before a meeting: people, mails, files, open points.",
			Arguments: []tool.Field{{Name: "meeting", Required: true, Description: "Subject or time, such as: the board review on Thursday."}},
			Needs:     []string{"getCalendarEvents", "searchEmails"},
			Text: func(a map[string]string) string {
				return "Prepare me for this meeting: " + a["meeting"] + ". Find it in my calendar (getCalendarEvents). " +
					"Look for what I exchanged with its attendees about its subject in the last weeks (searchEmails), and for files about it (searchFiles, if there is that tool). " +
					"Answer on one page: purpose, who comes, what was said so far with dates, open points, what I should bring or decide."
			},
		},
		{
			Name: "replyDraft", Title: "Draft a reply", Description: "Drafts a reply to a mail in the person's manner and leaves it in Drafts.",
			Arguments: []tool.Field{
				{Name: "email", Required: true, Description: "Which mail: sender, subject or id."},
				{Name: "points", Description: "What the reply should say."},
			},
			Needs: []string{"searchEmails", "getEmail", "createDraft"},
			Text: func(a map[string]string) string {
				points := "Work out what it asks of me and propose an answer."
				if p := a["points"]; p != "" {
					points = "It should say: " + p
				}
				return "Draft a reply to this mail: " + a["email"] + ". Find it (searchEmails) and read it (getEmail). " + points +
					" Write as I do in my sent mails, briefly. Save it as a draft reply (createDraft with replyTo), do not send it, and show me the text."
			},
		},
		{
			Name: "findTime", Title: "Find a time for a meeting", Description: "Finds when several people are free and proposes times.",
			Arguments: []tool.Field{
				{Name: "people", Required: true, Description: "Names or addresses."},
				{Name: "about", Description: "What it is about and how long it takes."},
			},
			Needs: []string{"findMeetingTimes", "findPeople"},
			Text: func(a map[string]string) string {
				return "Find a time for a meeting of mine with " + a["people"] + " (" + or(a["about"], "30 minutes, in the next five working days") + "). " +
					"Look up addresses with findPeople where I gave names, then use findMeetingTimes. Propose the three best times in my time zone, with who could not come. Invite nobody before I choose."
			},
		},
	}
}

func or(s, fallback string) string {
	if s = strings.TrimSpace(s); s == "" {
		return fallback
	}
	return s
}

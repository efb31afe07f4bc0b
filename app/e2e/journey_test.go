package e2e_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"m365mcp/app"
)

// journey is what the script says of its steps.
type journey struct {
	Attachment string `json:"attachment"`
	Draft      struct {
		ConversationID string   `json:"conversationId"`
		Subject        string   `json:"subject"`
		To             []string `json:"to"`
		Text           string   `json:"text"`
		Draft          bool     `json:"draft"`
	} `json:"draft"`
	Thread  string                      `json:"thread"`
	Time    struct{ Start, End string } `json:"time"`
	Meeting struct {
		Start, JoinURL string
		Invited        []string
	} `json:"meeting"`
	Finds [][]string                `json:"finds"`
	Post  struct{ ID, Link string } `json:"post"`
	Files []string                  `json:"files"`
	Docx  struct{ Name, Text string }
	PDF   struct{ Name, Text string }

	Types      []string `json:"types"`
	NotGranted []string `json:"notGranted"`
	Resources  struct {
		Profile, Mail, File string
		Calendars, Teams    []string
		Event               bool
	} `json:"resources"`
	Prompts               map[string]string `json:"prompts"`
	PromptWithoutArgument string            `json:"promptWithoutArgument"`
	SignIns               int               `json:"signIns"`
}

// A person's morning, with a real client on the server as it is shipped: every step
// goes on with what the one before has returned, and Microsoft holds the outcome.
func TestJourney(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	d := startDemo(t, app.DemoOptions{})
	task, err := json.Marshal(map[string]string{
		"url": d.MCPURL, "upn": d.upn(t, "ada"), "since": time.Now().AddDate(0, 0, -14).UTC().Format("2006-01-02"),
	})
	if err != nil {
		t.Fatal(err)
	}
	out := w.run(t, "journey.mjs", string(task))
	if out.err != nil {
		t.Fatalf("%v\n%s\n%s", out.err, out.stdout, out.stderr)
	}
	var j journey
	if err := json.Unmarshal([]byte(out.stdout), &j); err != nil {
		t.Fatalf("%v in %s", err, out.stdout)
	}
	has(t, "the attachment", j.Attachment, "PT-2291")
	has(t, "the reply", j.Draft.Subject, "AF-77120")
	has(t, "the reply", j.Draft.Text, "The corrected papers follow tomorrow.")
	if !j.Draft.Draft || j.Thread == "" || j.Draft.ConversationID != j.Thread || !strings.Contains(strings.Join(j.Draft.To, " "), "ines.moura@atlantisfreight.example") {
		t.Errorf("the reply: %+v, thread %s", j.Draft, j.Thread)
	}
	if len(j.Finds) == 0 || !slices.Equal(j.Finds[0], []string{"listTeams", "runReadTool"}) && !slices.Equal(j.Finds[0], []string{"listChannels", "runReadTool"}) {
		t.Errorf("findTools finds %v", j.Finds)
	}
	if len(j.Files) < 5 || len(j.Files) > 10 {
		t.Errorf("files: %q", j.Files)
	}
	has(t, "the Word document", j.Docx.Name, ".docx")
	has(t, "the Word document", j.Docx.Text, "housings")
	has(t, "the PDF", j.PDF.Name, ".pdf")
	has(t, "the PDF", j.PDF.Text, "Alcântara")
	if diff := cmp.Diff([]string{"chat", "event", "file", "mail"}, j.Types); diff != "" || len(j.NotGranted) > 0 {
		t.Errorf("searchAll: %s (not granted: %v)", diff, j.NotGranted)
	}
	if r := j.Resources; r.Profile != d.upn(t, "ada") || len(r.Calendars) == 0 || !slices.Contains(r.Teams, "Pelago 2 Launch") || !strings.Contains(r.Mail, "AF-77120") || !r.Event || r.File != j.PDF.Name {
		t.Errorf("resources: %+v", r)
	}
	for name, words := range map[string]string{"dayBriefing": "tomorrow", "meetingPreparation": "the board review", "replyDraft": "the one from Inês", "findTime": "Bruno and Freya", "inboxTriage": "25 mails"} {
		has(t, "prompt "+name, j.Prompts[name], words)
	}
	has(t, "a prompt without its argument", j.PromptWithoutArgument, "people is required")
	if j.SignIns != 1 {
		t.Errorf("%d sign-ins", j.SignIns)
	}
	journeyAtMicrosoft(t, d, j)
}

// journeyAtMicrosoft asks the simulated Graph, past the server, what is there now.
func journeyAtMicrosoft(t *testing.T, d *demo, j journey) {
	t.Helper()
	ada := d.witness(t, "ada")
	var drafts struct {
		Value []struct {
			Subject, ConversationID string
			IsDraft                 bool
			ToRecipients            []struct{ EmailAddress struct{ Address string } }
			Body                    struct{ Content string }
		}
	}
	ada.get(t, "/me/mailFolders/drafts/messages?$orderby=createdDateTime desc&$top=1", &drafts)
	if len(drafts.Value) != 1 || !drafts.Value[0].IsDraft || drafts.Value[0].ToRecipients[0].EmailAddress.Address != "ines.moura@atlantisfreight.example" {
		t.Fatalf("drafts at Microsoft: %+v", drafts)
	}
	has(t, "the draft at Microsoft", drafts.Value[0].Body.Content, "The corrected papers follow tomorrow.")
	var thread struct{ Value []struct{ Subject string } }
	ada.get(t, "/me/messages?$filter=conversationId eq '"+drafts.Value[0].ConversationID+"'", &thread)
	if len(thread.Value) < 2 {
		t.Errorf("the draft is in a thread of %d", len(thread.Value))
	}

	// The meeting is in the calendars of all four, at the time that was proposed.
	for _, name := range []string{"ada", "bruno", "emeka", "freya"} {
		var events struct {
			Value []struct {
				Subject   string
				Start     struct{ DateTime string }
				IsOnline  bool `json:"isOnlineMeeting"`
				Attendees []struct{ EmailAddress struct{ Address string } }
			}
		}
		d.witness(t, name).get(t, "/me/events?$filter=subject eq 'Customs papers for Lisbon'", &events)
		start, err := time.Parse("2006-01-02T15:04Z07:00", j.Time.Start)
		if err != nil {
			t.Fatal(err)
		}
		if len(events.Value) != 1 || !events.Value[0].IsOnline || len(events.Value[0].Attendees) != 3 || !strings.HasPrefix(events.Value[0].Start.DateTime, start.UTC().Format("2006-01-02T15:04")) {
			t.Errorf("the calendar of %s: %+v, wanted at %s", name, events.Value, j.Time.Start)
		}
	}

	var teams struct {
		Value []struct{ ID, DisplayName string }
	}
	ada.get(t, "/me/joinedTeams", &teams)
	posts := ""
	for _, team := range teams.Value {
		var channels, messages struct {
			Value []struct {
				ID, DisplayName string
				Body            struct{ Content string }
			}
		}
		if team.DisplayName != "Pelago 2 Launch" {
			continue
		}
		ada.get(t, "/teams/"+team.ID+"/channels", &channels)
		for _, c := range channels.Value {
			ada.get(t, "/teams/"+team.ID+"/channels/"+c.ID+"/messages?$top=1", &messages)
			if c.DisplayName == "General" && len(messages.Value) > 0 {
				posts = messages.Value[0].Body.Content
			}
		}
	}
	has(t, "the newest post in General", posts, "We meet about the customs papers")
}

func has(t *testing.T, what, text, words string) {
	t.Helper()
	if !strings.Contains(text, words) {
		t.Errorf("%s has no %q: %.400s", what, words, text)
	}
}

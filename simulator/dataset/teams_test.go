package dataset

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func teamworkNow() time.Time { return time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC) }

func TestTeamworkIsWhole(t *testing.T) {
	t.Parallel()
	now := teamworkNow()
	tenant := Load(now)
	w := LoadTeamwork(tenant, now)
	if diff := cmp.Diff(w, LoadTeamwork(tenant, now), cmp.AllowUnexported(Teamwork{})); diff != "" {
		t.Errorf("not the same twice: %s", diff)
	}
	if len(w.Teams) != 3 || len(w.Chats) != 6 || len(w.Meetings) != 2 {
		t.Errorf("%d teams, %d chats, %d meetings", len(w.Teams), len(w.Chats), len(w.Meetings))
	}
	threads := map[string][]Post{}
	for _, team := range w.Teams {
		if n := len(team.Channels); n < 2 || n > 4 {
			t.Errorf("%s has %d channels", team.Name, n)
		}
		for _, c := range team.Channels {
			threads[c.ID] = c.Posts
			for _, id := range c.Members {
				if !slices.Contains(team.Members, id) {
					t.Errorf("%s: %s is no member of the team", c.Name, id)
				}
			}
		}
	}
	for _, c := range w.Chats {
		threads[c.ID] = c.Posts
	}
	for thread, posts := range threads {
		ids := map[string]bool{}
		for _, m := range posts {
			if ids[m.ID] {
				t.Errorf("%s: two messages %s", thread, m.ID)
			}
			ids[m.ID] = true
			if m.ReplyTo != "" && !ids[m.ReplyTo] {
				t.Errorf("%s: %s answers nothing", thread, m.ID)
			}
			if m.At.After(now) || m.Modified.Before(m.At) {
				t.Errorf("%s: %s at %s, modified %s", thread, m.ID, m.At, m.Modified)
			}
			if strings.Contains(m.Body, "@[") {
				t.Errorf("%s: a mention was not read: %s", thread, m.Body)
			}
		}
	}
	if len(w.PostInjections()) == 0 {
		t.Error("no hidden instruction")
	}
	for _, i := range w.PostInjections() {
		found := slices.IndexFunc(threads[i.ThreadID], func(m Post) bool { return m.ID == i.MessageID })
		if found < 0 || !strings.Contains(threads[i.ThreadID][found].Body, i.Marker) {
			t.Errorf("no marker %s", i.Marker)
		}
	}
}

func TestTranscripts(t *testing.T) {
	t.Parallel()
	now := teamworkNow()
	lines := 0
	for _, m := range LoadTeamwork(Load(now), now).Meetings {
		if len(m.Transcripts) != 1 || !m.End.Before(now) {
			t.Errorf("%s: %d transcripts, ends %s", m.Subject, len(m.Transcripts), m.End)
		}
		if !strings.HasPrefix(m.JoinURL, "https://teams.microsoft.com/l/meetup-join/19%3ameeting_") || !strings.Contains(m.JoinURL, "%22Tid%22%3a") {
			t.Errorf("join URL %s", m.JoinURL)
		}
		for _, script := range m.Transcripts {
			lines = max(lines, len(script.Lines))
			for i, l := range script.Lines {
				if l.To <= l.From || i > 0 && l.From < script.Lines[i-1].To {
					t.Errorf("%s: line %d overlaps", m.Subject, i)
				}
			}
		}
	}
	if lines < 75 {
		t.Errorf("the longest transcript has %d lines", lines)
	}
}

func TestTeamworkIsOfTheCompanyAlone(t *testing.T) {
	t.Parallel()
	other := &Tenant{ID: "x", Domain: "contoso.example", People: []Person{{ID: "1", UPN: "ada@contoso.example"}}}
	if w := LoadTeamwork(other, teamworkNow()); len(w.Teams)+len(w.Chats)+len(w.Meetings) != 0 {
		t.Error("another tenant has our teams")
	}
	if w := LoadTasks(other, teamworkNow()); len(w.Lists) != 2 || len(w.Plans) != 0 || len(w.Lists[0].Tasks) != 0 {
		t.Errorf("another tenant has %+v", w)
	}
}

func TestBrokenTeamsAreRefused(t *testing.T) {
	t.Parallel()
	now := teamworkNow()
	for _, text := range []string{
		"%thing x", "%post\nFrom: ada\nAt: 1d 09:00", "%channel x", "%chat x\nKind: oneOnOne\nMembers: ada\nAt: 1d 09:00",
		"%chat x\nKind: group\nMembers: nobody\nAt: 1d 09:00", "%chat x\nKind: group\nMembers: ada\nAt: yesterday",
		"%chat x\nKind: group\nMembers: ada\nAt: 1d 09:00\n\n%post\nFrom: ada\nAt: 1d 09:00\n\n@[nobody]",
		"%chat x\nKind: meeting\nMeeting: none\nMembers: ada\nAt: 1d 09:00", "%transcript", "%team x\nwithout colon",
	} {
		if err := newTeamsParser(&Teamwork{}, Load(now), now).parse(text); err == nil {
			t.Errorf("taken: %q", text)
		}
	}
}

func TestTasksAreWhole(t *testing.T) {
	t.Parallel()
	now := teamworkNow()
	tenant := Load(now)
	w := LoadTasks(tenant, now)
	tasks, ids := 0, map[string]bool{}
	for _, list := range w.Lists {
		tasks += len(list.Tasks)
		for _, task := range list.Tasks {
			if ids[task.ID] || task.Title == "" || task.Created.After(now) {
				t.Errorf("task %+v", task)
			}
			ids[task.ID] = true
		}
	}
	if tasks < 25 {
		t.Errorf("%d To Do tasks", tasks)
	}
	if len(w.Plans) != 1 || len(w.Plans[0].Buckets) != 3 || len(w.Plans[0].Tasks) != 12 {
		t.Fatalf("plans: %+v", w.Plans)
	}
	assigned := map[string]bool{}
	for _, task := range w.Plans[0].Tasks {
		for _, id := range task.Assignees {
			assigned[id] = true
		}
		if !task.Start.IsZero() && task.Start.After(task.Due) {
			t.Errorf("%s starts after it is due", task.Title)
		}
	}
	if len(assigned) != len(tenant.People) {
		t.Errorf("tasks for %d people", len(assigned))
	}
	if LoadTeamwork(tenant, now).Teams[0].ID == "" || !slices.ContainsFunc(LoadTeamwork(tenant, now).Teams, func(x Team) bool { return x.ID == w.Plans[0].GroupID }) {
		t.Error("the plan belongs to no team")
	}
}

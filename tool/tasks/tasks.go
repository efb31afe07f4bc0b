// Package tasks has the tools for what a person has to do: Microsoft To Do and
// Planner, read together and told apart by their source.
//
// A task of To Do is found through its list only, so its id here is made of
// both, "todo:LIST:TASK"; Planner's stands alone.
package tasks

import (
	"strings"
	"time"

	"m365mcp/timezone"
	"m365mcp/tool"
)

const family = "tasks"

// Tools returns the family.
func Tools() []*tool.Tool { return []*tool.Tool{listTasks(), createTask(), updateTask()} }

// Sources of tasks.
const (
	sourceToDo    = "todo"
	sourcePlanner = "planner"
)

// Bounds of titles and notes: 255 characters are Planner's
// (https://learn.microsoft.com/graph/api/resources/plannertask); notes are ours.
const (
	maxTitle = 255
	maxNotes = 20_000
)

// ref is a task's place at Microsoft.
type ref struct{ list, task string } // list is empty for Planner

func (r ref) String() string {
	if r.list == "" {
		return r.task
	}
	return sourceToDo + ":" + r.list + ":" + r.task
}

// parseRef reads what [ref.String] has written.
func parseRef(id string) (ref, error) {
	rest, todo := strings.CutPrefix(id, sourceToDo+":")
	if !todo {
		return ref{task: id}, nil
	}
	list, task, ok := strings.Cut(rest, ":")
	if !ok || list == "" || task == "" {
		return ref{}, tool.Invalid("id", "is no task's id; take it from listTasks")
	}
	return ref{list, task}, nil
}

// dateTimeTimeZone is Graph's resource of that name: a local time and its zone.
type dateTimeTimeZone struct {
	DateTime string `json:"dateTime"`
	TimeZone string `json:"timeZone"`
}

// time is the instant, or zero where there is none.
func (d *dateTimeTimeZone) time() time.Time {
	if d == nil {
		return time.Time{}
	}
	zone, err := timezone.Find(d.TimeZone)
	if err != nil {
		return time.Time{}
	}
	t, _, err := zone.Parse(d.DateTime)
	if err != nil {
		return time.Time{}
	}
	return t
}

// day writes the day of a due date; a task is due on a day, not at a minute. To Do
// keeps midnight of a zone, which another zone would show as the day before.
func (d *dateTimeTimeZone) day() string {
	if d == nil || len(d.DateTime) < len(time.DateOnly) {
		return ""
	}
	return d.DateTime[:len(time.DateOnly)]
}

// dueOn is a due date as To Do keeps it: the midnight of a zone that all agree on.
func dueOn(day time.Time) dateTimeTimeZone {
	return dateTimeTimeZone{day.Format("2006-01-02T15:04:05"), "UTC"}
}

// parseDay reads the argument field as a day.
func parseDay(field, text string) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return time.Time{}, tool.Invalid(field, "is not a day; write it as 2026-03-05")
	}
	return t, nil
}

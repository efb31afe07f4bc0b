package dataset

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// tasksParser reads the format of content/tasks/*.tasks:
//
//	%list PERSON NAME   a To Do list; Tasks and Flagged Emails are there already
//	%todo               a task of it; headers Title, At, Due and Remind (working days from today), Status, Importance, Categories,
//	                    Done (when), Step ("[x] text", one each), Link ("name URL"); an empty line; the text
//	%plan NAME          headers Title, Team, By, Members, Category (one each), At
//	%bucket NAME        of that plan
//	%task               of that bucket; headers Title, By, At, Assigned, Percent, Priority, Start, Due, Done, Category (numbers), Step; the text
type tasksParser struct {
	people *teamsParser
	tasks  *Tasks

	list *TodoList
	key  string // of the list or plan, in ids
}

func todoListID(person, name string) string {
	return entryID("AQMkA", folderIDBytes, person, "todo", name)
}

// plannerID is 28 characters of base64url, as Planner's are.
func plannerID(kind, name string) string {
	return base64.RawURLEncoding.EncodeToString(expand(21, "planner", kind, name))
}

func (p *tasksParser) parse(text string) error {
	list, err := blocks(text)
	if err != nil {
		return err
	}
	read := map[string]func(block) error{"list": p.todoList, "todo": p.todo, "plan": p.plan, "bucket": p.bucket, "task": p.task}
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

// day is a working day from today, -3 or 5; empty: none.
func (p *tasksParser) day(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return time.Time{}, fmt.Errorf("day %q: %w", text, err)
	}
	return p.people.clock.workday(n), nil
}

// times reads the headers that are times, and those that are days.
func (p *tasksParser) times(b block, at, days map[string]*time.Time) (err error) {
	for name, into := range at {
		if text := b.get(name); text != "" {
			if *into, err = p.people.clock.at(text); err != nil {
				return err
			}
		}
	}
	for name, into := range days {
		if *into, err = p.day(b.get(name)); err != nil {
			return err
		}
	}
	return nil
}

func steps(key string, lines []string) []Step {
	var out []Step
	for i, line := range lines {
		mark, text, _ := strings.Cut(line, "] ")
		out = append(out, Step{ID: objectID("step", key+strconv.Itoa(i)), Title: text, Done: mark == "[x"})
	}
	return out
}

func (p *tasksParser) todoList(b block) error {
	person, name, _ := strings.Cut(b.name, " ")
	ids, err := p.people.ids(person)
	if err != nil || len(ids) != 1 {
		return errors.Join(err, errors.New("a list has one owner"))
	}
	p.key = todoListID(person, name)
	i := slices.IndexFunc(p.tasks.Lists, func(l TodoList) bool { return l.ID == p.key })
	if i < 0 {
		i = len(p.tasks.Lists)
		p.tasks.Lists = append(p.tasks.Lists, TodoList{ID: p.key, OwnerID: ids[0], Name: name, WellKnown: "none"})
	}
	p.list = &p.tasks.Lists[i]
	return nil
}

func (p *tasksParser) todo(b block) error {
	if p.list == nil {
		return errors.New("stands before its list")
	}
	t := TodoTask{Title: b.get("Title"), Body: b.body, Status: "notStarted", Importance: "normal", Categories: b.headers["Categories"]}
	if status := b.get("Status"); status != "" {
		t.Status = status
	}
	if importance := b.get("Importance"); importance != "" {
		t.Importance = importance
	}
	if err := p.times(b, map[string]*time.Time{"At": &t.Created, "Done": &t.Completed}, map[string]*time.Time{"Due": &t.Due, "Remind": &t.Reminder}); err != nil {
		return err
	}
	if !t.Reminder.IsZero() {
		t.Reminder = t.Reminder.Add(8 * time.Hour)
	}
	if !t.Completed.IsZero() {
		t.Status = "completed"
	}
	t.ID = entryID("AAMkA", messageIDBytes, p.list.OwnerID, "todo", p.key, strconv.Itoa(len(p.list.Tasks)))
	t.Checklist = steps(t.ID, b.headers["Step"])
	if link := b.get("Link"); link != "" {
		at := strings.LastIndex(link, " ")
		t.LinkName, t.LinkURL = link[:at], link[at+1:]
	}
	p.list.Tasks = append(p.list.Tasks, t)
	return nil
}

func (p *tasksParser) plan(b block) (err error) {
	plan := Plan{ID: plannerID("plan", b.name), Title: b.get("Title"), GroupID: objectID("team", b.get("Team")), Categories: b.headers["Category"]}
	if plan.Created, err = p.people.clock.at(b.get("At")); err != nil {
		return err
	}
	by, err := p.people.ids(b.get("By"))
	if err != nil || len(by) != 1 {
		return errors.Join(err, errors.New("a plan is made by one person"))
	}
	plan.CreatedBy = by[0]
	if plan.Members, err = p.people.ids(b.get("Members")); err != nil {
		return err
	}
	p.key = plan.ID
	p.tasks.Plans = append(p.tasks.Plans, plan)
	return nil
}

func (p *tasksParser) bucket(b block) error {
	if len(p.tasks.Plans) == 0 {
		return errors.New("stands before its plan")
	}
	plan := &p.tasks.Plans[len(p.tasks.Plans)-1]
	plan.Buckets = append(plan.Buckets, Bucket{ID: plannerID("bucket", p.key+b.name), Name: b.name})
	return nil
}

func (p *tasksParser) task(b block) (err error) {
	if len(p.tasks.Plans) == 0 || len(p.tasks.Plans[len(p.tasks.Plans)-1].Buckets) == 0 {
		return errors.New("stands before its bucket")
	}
	plan := &p.tasks.Plans[len(p.tasks.Plans)-1]
	t := PlanTask{
		ID: plannerID("task", p.key+strconv.Itoa(len(plan.Tasks))), BucketID: plan.Buckets[len(plan.Buckets)-1].ID,
		Title: b.get("Title"), Description: b.body, Priority: 5,
	}
	by, err := p.people.ids(b.get("By"))
	if err != nil || len(by) != 1 {
		return errors.Join(err, errors.New("a task is made by one person"))
	}
	t.CreatedBy = by[0]
	if t.Assignees, err = p.people.ids(b.get("Assigned")); err != nil {
		return err
	}
	for name, into := range map[string]*int{"Percent": &t.Percent, "Priority": &t.Priority} {
		if text := b.get(name); text != "" {
			if *into, err = strconv.Atoi(text); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	for text := range strings.FieldsSeq(b.get("Category")) {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > len(plan.Categories) {
			return fmt.Errorf("category %q", text)
		}
		t.Categories = append(t.Categories, n)
	}
	if err := p.times(b, map[string]*time.Time{"At": &t.Created, "Done": &t.Completed}, map[string]*time.Time{"Start": &t.Start, "Due": &t.Due}); err != nil {
		return err
	}
	for _, day := range []*time.Time{&t.Start, &t.Due} {
		if !day.IsZero() {
			*day = day.Add(10 * time.Hour) // Planner keeps a day as its 10:00 UTC
		}
	}
	if !t.Completed.IsZero() {
		t.Percent = 100
	}
	t.Checklist = steps(t.ID, b.headers["Step"])
	plan.Tasks = append(plan.Tasks, t)
	return nil
}

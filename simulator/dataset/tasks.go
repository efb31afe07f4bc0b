package dataset

import (
	"fmt"
	"io/fs"
	"time"
)

// Tasks are everybody's To Do lists and the plans of the teams. They are
// written in content/tasks/*.tasks (see tasksParser) and made by [LoadTasks].
type Tasks struct {
	Lists []TodoList
	Plans []Plan
}

// TodoList is a person's list of Microsoft To Do.
type TodoList struct {
	ID        string
	OwnerID   string // person
	Name      string
	WellKnown string // defaultList, flaggedEmails, none
	Tasks     []TodoTask
}

// TodoTask is a task of a list. Days have no time; zero: none.
type TodoTask struct {
	ID, Title, Body    string
	Status, Importance string
	Categories         []string
	Created, Completed time.Time
	Due, Reminder      time.Time
	Checklist          []Step
	LinkName, LinkURL  string // of what the task came from; empty: nothing
}

// Step is an item of a checklist.
type Step struct {
	ID, Title string
	Done      bool
}

// Plan is a plan of Planner. The people of its group work on it.
type Plan struct {
	ID, Title  string
	GroupID    string // of the team that it belongs to
	CreatedBy  string // person
	Created    time.Time
	Members    []string // people
	Categories []string // what category1, category2, ... mean
	Buckets    []Bucket
	Tasks      []PlanTask
}

// Bucket is a column of a plan.
type Bucket struct{ ID, Name string }

// PlanTask is a task of a plan.
type PlanTask struct {
	ID, BucketID, Title, Description string
	Assignees                        []string // people
	Percent, Priority                int
	Categories                       []int // 1 is category1
	CreatedBy                        string
	Created, Start, Due, Completed   time.Time // zero: none
	Checklist                        []Step
}

// LoadTasks makes the tasks as they are at now. The content is the company's:
// people of another tenant have empty lists. Ids do not depend on now.
func LoadTasks(t *Tenant, now time.Time) *Tasks {
	w := &Tasks{}
	for _, person := range t.People {
		key := localPart(person.UPN)
		w.Lists = append(w.Lists,
			TodoList{ID: todoListID(key, "Tasks"), OwnerID: person.ID, Name: "Tasks", WellKnown: "defaultList"},
			TodoList{ID: todoListID(key, "Flagged Emails"), OwnerID: person.ID, Name: "Flagged Emails", WellKnown: "flaggedEmails"})
	}
	if !t.Shipped() {
		return w
	}
	if err := loadTasks(content, w, t, now); err != nil {
		panic(fmt.Sprintf("dataset: the embedded tasks are broken: %v", err))
	}
	return w
}

func loadTasks(source fs.FS, w *Tasks, t *Tenant, now time.Time) error {
	names, err := fs.Glob(source, "content/tasks/*.tasks")
	if err != nil {
		return fmt.Errorf("tasks: %w", err)
	}
	p := &tasksParser{people: newTeamsParser(&Teamwork{}, t, now), tasks: w}
	for _, name := range names {
		text, err := expandTemplate(source, name, p.people.clock)
		if err != nil {
			return err
		}
		if err := p.parse(text); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

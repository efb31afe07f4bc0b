package teams_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"m365mcp/internal/graphdata"
	"m365mcp/internal/testenv"
	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/service/servicetest"
	"m365mcp/simulator/graph/teams"
)

func start() time.Time { return time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC) }

// rig is a running Teams with its data. Every answer is held against
// Microsoft's description.
type rig struct {
	*servicetest.Rig

	tenant   *dataset.Tenant
	data     *dataset.Teamwork
	workload *teams.Workload
	now      time.Time
}

func newRig(t *testing.T) *rig {
	t.Helper()
	micro := microsoft(t)
	r := &rig{now: start()}
	r.tenant = dataset.Load(r.now)
	r.data = dataset.LoadTeamwork(r.tenant, r.now)
	r.workload = teams.New(teams.Options{Tenant: r.tenant, Data: r.data})
	r.Rig = servicetest.Start(t, servicetest.Options{
		Tenant: r.tenant, Now: func() time.Time { return r.now }, Workloads: []service.Workload{r.workload}, Check: micro.CheckResponse,
	})
	return r
}

func microsoft(t *testing.T) *graphdata.Data {
	t.Helper()
	data, err := graphdata.Load(testenv.GraphData(t))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// as is a token of somebody.
func (r *rig) as(name, scopes string) string {
	p, _ := r.tenant.PersonByUPN(name + "@" + r.tenant.Domain)
	return p.ID + " " + scopes
}

func (r *rig) id(name string) string {
	id, _, _ := strings.Cut(r.as(name, ""), " ")
	return id
}

func (r *rig) team(t *testing.T, name string) dataset.Team {
	t.Helper()
	i := slices.IndexFunc(r.data.Teams, func(x dataset.Team) bool { return x.Name == name })
	if i < 0 {
		t.Fatalf("no team %q", name)
	}
	return r.data.Teams[i]
}

// channel is the path of a channel.
func (r *rig) channel(t *testing.T, teamName, name string) string {
	t.Helper()
	x := r.team(t, teamName)
	i := slices.IndexFunc(x.Channels, func(c dataset.Channel) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no channel %q", name)
	}
	return "/teams/" + x.ID + "/channels/" + url.PathEscape(x.Channels[i].ID)
}

// chat is the path of a chat, by its topic.
func (r *rig) chat(t *testing.T, topic string) string {
	t.Helper()
	i := slices.IndexFunc(r.data.Chats, func(c dataset.Chat) bool { return c.Topic == topic })
	if i < 0 {
		t.Fatalf("no chat %q", topic)
	}
	return "/chats/" + url.PathEscape(r.data.Chats[i].ID)
}

package graph

import (
	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/calendars"
	"m365mcp/simulator/graph/directory"
	"m365mcp/simulator/graph/drive"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/mail"
	"m365mcp/simulator/graph/search"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/tasks"
	"m365mcp/simulator/graph/teams"
)

// workloads are everything that this Graph offers.
func workloads(opts Options, store *exchange.Store) []service.Workload {
	files := &dataset.Files{}
	if opts.Tenant.Shipped() {
		files = dataset.LoadFiles(opts.Tenant, opts.Now())
	}
	drives := drive.New(drive.Options{Tenant: opts.Tenant, Files: files, Now: opts.Now})
	teamwork := teams.New(teams.Options{Tenant: opts.Tenant, Data: dataset.LoadTeamwork(opts.Tenant, opts.Now()), PostsPerSecond: opts.PostsPerSecond})
	appointments := calendars.New(calendars.Options{
		Tenant: opts.Tenant, Data: dataset.LoadCalendars(opts.Tenant, opts.Now()), Mail: store, Meetings: teamwork,
		Shares: []calendars.Share{
			{Owner: "gauri@" + opts.Tenant.Domain, With: "ada@" + opts.Tenant.Domain, Write: true},
			{Owner: "ada@" + opts.Tenant.Domain, With: "bruno@" + opts.Tenant.Domain},
		},
	})
	sources := append(search.Files(drives.Library()), search.Messages(store), search.People(opts.Tenant), chatMessages(teamwork), events(appointments))
	return []service.Workload{
		mail.New(store, opts.Now, opts.BaseURL),
		directory.New(opts.Tenant, store, opts.Now),
		appointments,
		drives,
		search.New(sources...),
		teamwork,
		tasks.New(opts.Tenant, dataset.LoadTasks(opts.Tenant, opts.Now())),
	}
}

package drive_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"m365mcp/internal/graphdata"
	"m365mcp/internal/testenv"
	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/drive"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/service/servicetest"
)

const all = "Files.ReadWrite.All Sites.ReadWrite.All"

func morning() time.Time { return time.Date(2026, 11, 25, 9, 0, 0, 0, time.UTC) }

// shared is the data that all tests of the package read; each has a copy.
var shared = sync.OnceValues(func() (*dataset.Tenant, *dataset.Files) {
	tenant := dataset.Load(morning())
	return tenant, dataset.LoadFiles(tenant, morning())
})

// rig is a drive service behind the real router, with a clock to turn.
type rig struct {
	*servicetest.Rig

	tenant *dataset.Tenant
	files  *dataset.Files
	clock  *clock
}

type clock struct {
	sync.Mutex

	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.Lock()
	defer c.Unlock()
	return morning().Add(c.ahead)
}

func (c *clock) turn(by time.Duration) {
	c.Lock()
	defer c.Unlock()
	c.ahead += by
}

func start(t *testing.T, change ...func(*drive.Options)) *rig {
	t.Helper()
	data, err := graphdata.Load(testenv.GraphData(t))
	if err != nil {
		t.Fatal(err)
	}
	tenant, files := shared()
	r := &rig{tenant: tenant, files: files, clock: &clock{}}
	opts := drive.Options{Tenant: tenant, Files: files, Now: r.clock.now}
	for _, f := range change {
		f(&opts)
	}
	r.Rig = servicetest.Start(t, servicetest.Options{
		Tenant: tenant, Now: r.clock.now, Workloads: []service.Workload{drive.New(opts)},
		Check: func(method, template string, status int, contentType string, body []byte) error {
			found, err := data.Find(method, described(template))
			if err != nil {
				return err
			}
			if status == http.StatusCreated && strings.HasSuffix(found.Template, "/createLink") {
				status = http.StatusOK // "driveItem: createLink" documents 201 for a new link
			}
			return data.CheckResponse(method, found.Template, status, contentType, body)
		},
	})
	return r
}

// described writes a template so that it can be looked up as a path.
func described(template string) string {
	return strings.NewReplacer("{q}", "x", "{", "%7B", "}", "%7D").Replace(template)
}

func (r *rig) person(name string) string {
	p, ok := r.tenant.PersonByUPN(name + "@" + r.tenant.Domain)
	if !ok {
		panic(name + " is nobody")
	}
	return p.ID
}

// as sends a request of a person with all scopes.
func (r *rig) as(t *testing.T, name, method, path, body string, headers ...string) servicetest.Reply {
	t.Helper()
	return r.Do(t, r.person(name)+" "+all, method, path, body, headers...)
}

func (r *rig) get(t *testing.T, path string, headers ...string) servicetest.Reply {
	t.Helper()
	return r.as(t, "ada", "GET", path, "", headers...)
}

// adas is the id of Ada's drive.
func (r *rig) adas() string {
	d, ok := r.files.DriveOf(r.person("ada"))
	if !ok {
		panic("Ada has no drive")
	}
	return d.ID
}

// escape writes a path with every name percent-encoded.
func escape(path string) string {
	names := strings.Split(path, "/")
	for i := range names {
		names[i] = url.PathEscape(names[i])
	}
	return strings.Join(names, "/")
}

// id is the id of an item of Ada's by its path.
func (r *rig) id(t *testing.T, path string) string {
	t.Helper()
	got := r.get(t, "/me/drive/root:/"+escape(path)+"?$select=id")
	if got.Status != http.StatusOK {
		t.Fatalf("%s: %d %s", path, got.Status, got.Body)
	}
	return got.Text("id")
}

func object(t *testing.T, value any) map[string]any {
	t.Helper()
	o, ok := value.(map[string]any)
	if !ok {
		t.Fatalf("%v is no object", value)
	}
	return o
}

func toJSON(value any) string {
	raw, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprint("not JSON: ", err))
	}
	return string(raw)
}

// site is a site of the data by its name.
func (r *rig) site(name string) *dataset.Site {
	for i := range r.files.Sites {
		if r.files.Sites[i].Name == name {
			return &r.files.Sites[i]
		}
	}
	panic(name + " is no site")
}

// library is the drive of a site.
func (r *rig) library(name string) *dataset.Drive {
	for i := range r.files.Drives {
		if r.files.Drives[i].SiteID == r.site(name).ID {
			return &r.files.Drives[i]
		}
	}
	panic(name + " has no library")
}

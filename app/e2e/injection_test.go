package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"m365mcp/simulator/graph"
)

// attacks leave a path, a filter, a KQL query, a header or a text, where they can.
var attacks = []string{
	`../events?$top=1#`, `..%2f..%2fusers%2fbruno@tideline.example%2fmessages`, `x/../../users/bruno@tideline.example/messages`,
	`' or 1 eq 1 or subject eq '`, `x') or startswith(subject,'`, `" OR from:x OR "`, `x" AND from:bruno`, "x\r\nPrefer: evil", `<script>alert(1)</script>`,
	`x&$filter=1 eq 1&$expand=attachments`, `bruno@tideline.example/messages`,
}

// place is where a request of the product goes at Microsoft.
func place(r graph.Record) string { return r.Method + " " + r.Template }

// plainCalls are what people ask every tool, in all ways that lead elsewhere; an
// attack is put in the place of each string of the first one, and of those it lacks.
var plainCalls = map[string][]string{
	"whoAmI": {`{}`}, "authenticate": {`{}`},
	"requestAccess": {`{"for":["mail"]}`},

	"getEmails":          {`{}`, `{"folder":"Newsletters"}`, `{"folder":"inbox","mailbox":"ada@tideline.example"}`},
	"searchEmails":       {`{"query":"harbour"}`, `{"query":"harbour","folder":"Newsletters"}`, `{"query":"harbour","mailbox":"ada@tideline.example"}`},
	"getEmail":           {`{"id":"${mail}"}`, `{"id":"${mail}","mailbox":"ada@tideline.example"}`},
	"getEmailThread":     {`{"id":"${mail}"}`, `{"id":"${conversation}"}`},
	"listMailFolders":    {`{}`, `{"mailbox":"ada@tideline.example"}`},
	"getAttachment":      {`{"emailId":"${mail}","attachmentId":"${attachment}"}`, `{"emailId":"${mail}"}`, `{"emailId":"${mail}","attachmentId":"${attachment}","mode":"link"}`, `{"eventId":"${review}","attachmentId":"${agenda}"}`},
	"sendEmail":          {`{"to":"bruno@tideline.example","subject":"s","body":"b"}`, `{"to":"bruno@tideline.example","subject":"s","body":"b","attachments":["${file}"]}`},
	"createDraft":        {`{"to":"bruno@tideline.example","subject":"s","body":"b"}`, `{"replyTo":"${mail}","body":"b"}`, `{"forwardOf":"${mail}","to":"bruno@tideline.example","body":"b"}`},
	"addDraftAttachment": {`{"emailId":"${draft}","attachment":"${file}"}`},
	"sendDraft":          {`{"id":"${draft}"}`},
	"replyToEmail":       {`{"id":"${mail}","body":"b"}`, `{"id":"${mail}","body":"b","replyAll":true}`},
	"forwardEmail":       {`{"id":"${mail}","to":"bruno@tideline.example","body":"b"}`},
	"updateEmail":        {`{"ids":["${mail}"],"isRead":true}`},
	"moveEmail":          {`{"ids":["${draft}"],"folder":"archive"}`, `{"ids":["${draft}"],"folder":"Newsletters"}`},
	"deleteEmail":        {`{"ids":["${draft}"]}`},

	"getCalendarEvents":   {`{"days":7}`, `{"days":7,"calendarId":"${calendar}"}`},
	"getCalendarEvent":    {`{"id":"${event}"}`},
	"listCalendars":       {`{}`},
	"createCalendarEvent": {`{"subject":"s","start":"2030-03-05T09:00","end":"2030-03-05T10:00"}`, `{"subject":"s","start":"2030-03-05T09:00","end":"2030-03-05T10:00","calendarId":"${calendar}"}`},
	"updateCalendarEvent": {`{"id":"${own event}","subject":"s"}`},
	"cancelCalendarEvent": {`{"id":"${own event}"}`},
	"respondToEvent":      {`{"id":"${invitation}","response":"tentative"}`, `{"id":"${invitation}","response":"forward","to":["bruno@tideline.example"]}`},
	"findMeetingTimes":    {`{"attendees":["bruno@tideline.example"]}`},
	"getFreeBusy":         {`{"people":["bruno@tideline.example"]}`},

	"listTeams":             {`{}`},
	"listChannels":          {`{"teamId":"${team}"}`, `{"teamId":"Pelago 2 Launch"}`},
	"getChannelMessages":    {`{"channelId":"${channel}"}`, `{"messageId":"${post}"}`, `{"channelId":"Pelago 2 Launch/General"}`},
	"sendTeamsMessage":      {`{"channelId":"${channel}","message":"m"}`, `{"channelId":"Pelago 2 Launch/General","message":"m"}`, `{"chatId":"${chat}","message":"m"}`, `{"channelId":"${channel}","message":"@bruno@tideline.example","mentions":["bruno@tideline.example"]}`},
	"replyToChannelMessage": {`{"messageId":"${post}","message":"m"}`, `{"messageId":"${post}","channelId":"Pelago 2 Launch/General","message":"m"}`, `{"messageId":"${post}","message":"@bruno@tideline.example","mentions":["bruno@tideline.example"]}`},
	"listChats":             {`{}`},
	"getChatMessages":       {`{"chatId":"${chat}"}`},
	"startChat":             {`{"members":["bruno@tideline.example"]}`},
	"createTeamsMeeting":    {`{"subject":"s","startTime":"2030-03-05T09:00","endTime":"2030-03-05T10:00"}`, `{"subject":"s","startTime":"2030-03-05T09:00","endTime":"2030-03-05T10:00","attendees":["bruno@tideline.example"]}`},
	"getMeetingTranscript":  {`{"eventId":"${recorded}"}`},

	"searchFiles":  {`{"query":"customs"}`},
	"listFiles":    {`{}`, `{"id":"${folder}"}`, `{"path":"Documents"}`, `{"siteId":"${site}"}`},
	"readFile":     {`{"id":"${file}"}`},
	"getFileLink":  {`{"id":"${file}"}`},
	"uploadFile":   {`{"name":"n${n}.txt","content":"c"}`, `{"name":"n${n}.txt"}`, `{"name":"n${n}.txt","content":"c","folderId":"${folder}"}`, `{"name":"n${n}.txt","content":"c","path":"Documents"}`, `{"name":"n${n}.txt","content":"c","siteId":"${site}"}`},
	"createFolder": {`{"name":"n${n}"}`, `{"name":"n${n}","folderId":"${folder}"}`, `{"name":"n${n}","path":"Documents"}`, `{"name":"n${n}","siteId":"${site}"}`},
	"moveFile":     {`{"id":"${own file}","newName":"n${n}.txt"}`, `{"id":"${own file}","toFolderId":"${folder}"}`, `{"id":"${own file}","toFolderId":"${folder}","copy":true}`},
	"deleteFile":   {`{"id":"${own file}"}`},
	"shareFile":    {`{"id":"${own file}"}`, `{"id":"${own file}","scope":"people","people":["bruno@tideline.example"]}`},
	"searchSites":  {`{"query":"operations"}`},
	"getListItems": {`{"siteId":"${site}"}`, `{"siteId":"${site}","list":"Projects"}`, `{"siteId":"${site}","list":"Projects","field":"Title","value":"Spare parts kiosk"}`},

	"getContacts": {`{}`, `{"search":"bruno"}`, `{"source":"contacts"}`, `{"source":"contacts","search":"bruno"}`},
	"findPeople":  {`{"query":"bruno"}`},
	"listTasks":   {`{}`},
	"createTask":  {`{"title":"t"}`, `{"title":"t","checklist":["c"]}`, `{"title":"t","list":"Tasks"}`, `{"title":"t","planId":"${plan}"}`},
	"updateTask":  {`{"id":"${task}","title":"t"}`, `{"id":"${packing}","addToChecklist":["c"],"tick":["rope"],"removeFromChecklist":["lamp"]}`, `{"id":"${planner task}","title":"t"}`},
	"searchAll":   {`{"query":"customs"}`},
}

// No argument of any tool leads a request anywhere but where a plain call goes, and
// none gets out of its literal.
func TestInjectedArgumentsStayInTheirPlace(t *testing.T) {
	t.Parallel()
	slots := make(chan struct{}, 2)
	tools := listTools(t)
	for _, tool := range tools {
		plain, ok := plainCalls[tool.Name]
		if !ok {
			t.Errorf("%s has no plain call", tool.Name)
			continue
		}
		t.Run(tool.Name, func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			d := startDemo(t, withTools("full"))
			s := tries{session: d.session(t, "ada")}
			for _, args := range plain {
				s.try(t, tool.Name, s.fill(t, args), "", "")
			}
			for _, field := range tool.strings() {
				for _, attack := range attacks {
					s.try(t, tool.Name, tool.replace(t, s.fill(t, plain[0]), field, attack), field, attack)
				}
			}
			d.stop() // every request has its record then
			s.judge(t)
		})
	}
	for name := range plainCalls {
		if !slices.ContainsFunc(tools, func(tool listedTool) bool { return tool.Name == name }) {
			t.Errorf("there is no tool %s", name)
		}
	}
}

type listedTool struct {
	Name        string `json:"name"`
	InputSchema struct {
		Properties map[string]struct {
			Type json.RawMessage `json:"type"`
			Enum []string        `json:"enum"`
		} `json:"properties"`
	} `json:"inputSchema"`
}

func listTools(t *testing.T) []listedTool {
	t.Helper()
	d := startDemo(t, withTools("full"))
	defer d.stop()
	var page struct{ Tools []listedTool }
	r := d.request(t, d.signIn(t, "ada").Access, "tools/list", `{}`)
	if err := json.Unmarshal(r.Result, &page); err != nil {
		t.Fatal(err)
	}
	return page.Tools
}

// strings are the arguments that hold text of any kind.
func (l listedTool) strings() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(l.InputSchema.Properties)) {
		if kind := string(l.InputSchema.Properties[name].Type); strings.Contains(kind, "string") || strings.Contains(kind, "array") {
			names = append(names, name)
		}
	}
	return names
}

// replace puts text in the place of an argument, as one string or in a list.
func (l listedTool) replace(t *testing.T, args, field, text string) string {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(args), &object); err != nil {
		t.Fatalf("%v in %s", err, args)
	}
	object[field] = text
	if strings.Contains(string(l.InputSchema.Properties[field].Type), "array") {
		object[field] = []string{text}
	}
	out, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// tries are calls, with the time that each took: nobody else asks Graph meanwhile.
type tries struct {
	*session
	calls []try
}

type try struct {
	field, attack string // empty: a plain call
	start, end    time.Time
}

func (s *tries) try(t *testing.T, tool, args, field, attack string) {
	t.Helper()
	start := time.Now()
	r := s.call(t, s.token, tool, args)
	s.calls = append(s.calls, try{field, attack, start, time.Now()})
	if field == "" && r.IsError {
		t.Fatalf("a plain call %s %s: %s", tool, args, r.text())
	}
	if strings.Contains(r.text(), "internal_error") {
		t.Errorf("%s %s: %s", tool, args, r.text())
	}
}

// judge holds what Graph was asked in an attack against what plain calls ask.
func (s *tries) judge(t *testing.T) {
	t.Helper()
	records := s.Simulator.Graph.Requests()
	during := func(call try) []graph.Record {
		return slices.DeleteFunc(slices.Clone(records), func(r graph.Record) bool {
			// The parts of a batch are records of their own.
			return r.Start.Before(call.start) || r.Start.After(call.end) || r.Template == "/$batch"
		})
	}
	allowed := map[string]map[string]bool{} // place, query options
	for _, call := range s.calls {
		if call.field != "" {
			continue
		}
		for _, rec := range during(call) {
			merge(allowed, rec)
		}
	}
	for _, call := range s.calls {
		if call.field == "" {
			continue
		}
		for _, rec := range during(call) {
			if options, ok := allowed[place(rec)]; ok {
				escaped(t, options, rec, call.field, call.attack)
				continue
			}
			t.Errorf("%s = %q: %s %s?%s (%s); a plain call goes to %v", call.field, call.attack, rec.Method, rec.Path, rec.RawQuery, place(rec), slices.Sorted(maps.Keys(allowed)))
		}
	}
}

func merge(keys map[string]map[string]bool, rec graph.Record) {
	own := keys[place(rec)]
	if own == nil {
		own = map[string]bool{}
		keys[place(rec)] = own
	}
	for key := range options(rec) {
		own[key] = true
	}
}

func options(rec graph.Record) url.Values {
	values, err := url.ParseQuery(rec.RawQuery)
	if err != nil {
		return url.Values{"(" + err.Error() + ")": nil}
	}
	return values
}

var (
	literal = regexp.MustCompile(`'(?:[^']|'')*'`)
	quoted  = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	phrase  = regexp.MustCompile(`"[^"]*"`)
)

// outside is what of a query option's value is no literal.
func outside(key, value string) string {
	switch key {
	case "$filter":
		return literal.ReplaceAllString(value, "''")
	case "$search": // one KQL query in quotes, or in a directory several terms
		rest := quoted.ReplaceAllString(value, "")
		if rest == "" {
			kql := strings.ReplaceAll(value[1:len(value)-1], `\"`, `"`)
			rest = phrase.ReplaceAllString(kql, `""`)
		}
		return rest
	}
	return ""
}

// escaped fails on an attack that stands outside of quotes in a request.
func escaped(t *testing.T, known map[string]bool, rec graph.Record, field, attack string) {
	t.Helper()
	for key, values := range options(rec) {
		if !known[key] && !slices.Contains([]string{"$filter", "$search", "$skip", "$top", "$orderby", "$skiptoken"}, key) {
			t.Errorf("%s = %q: a new query option %q in %s", field, attack, key, rec.RawQuery)
		}
		for _, value := range values {
			rest := strings.ToLower(outside(key, value))
			for _, evil := range map[string][]string{"$filter": {"1 eq 1", "startswith(subject"}, "$search": {"from:x", "from:bruno"}}[key] {
				if strings.Contains(rest, evil) {
					t.Errorf("%s = %q gets out of its literal: %s=%s", field, attack, key, value)
				}
			}
		}
	}
	for _, p := range rec.Prefer {
		if strings.Contains(p, "evil") {
			t.Errorf("%s = %q is in a header: %s", field, attack, p)
		}
	}
	// A mail's or an event's body is HTML that a person asks for, and only that.
	if html := htmlOf(rec.Body); strings.Contains(html, "<script") && field != "body" {
		t.Errorf("%s = %q is HTML that is sent: %s", field, attack, html)
	}
}

// htmlOf finds the HTML in a request's body: content beside contentType html.
func htmlOf(body []byte) string {
	var value any
	if json.Unmarshal(body, &value) != nil {
		return ""
	}
	var found []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if kind, _ := v["contentType"].(string); strings.EqualFold(kind, "html") {
				found = append(found, fmt.Sprint(v["content"]))
			}
			for _, inner := range v {
				walk(inner)
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	walk(value)
	return strings.Join(found, "\n")
}

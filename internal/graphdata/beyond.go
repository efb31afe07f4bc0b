package graphdata

import (
	"net/http"
	"regexp"
	"strings"
)

// beyondSlice are the forms of addresses that Microsoft documents on its pages
// and OpenAPI cannot express, with what they address, in the order in which they
// are tried. They are forms of addressing only: no operation comes from here.
var beyondSlice = []struct {
	form *regexp.Regexp
	is   string
	page string
}{
	{
		regexp.MustCompile(`^/sites/([^/:]+):/([^:]+):?(/.*)?$`), "/sites/$1$3",
		"https://learn.microsoft.com/graph/api/site-getbypath",
	}, {
		regexp.MustCompile(`^(/.+)/root:/([^:]+):?(/.*)?$`), "$1/items/by-path$3",
		"https://learn.microsoft.com/graph/onedrive-addressing-driveitems",
	}, {
		regexp.MustCompile(`^(/.+/items/[^/:]+):/([^:]+):?(/.*)?$`), "$1$3",
		"https://learn.microsoft.com/graph/onedrive-addressing-driveitems",
	}, {
		regexp.MustCompile(`^(/.+)/special/[^/:]+:/([^:]+):?(/.*)?$`), "$1/items/by-path$3",
		"https://learn.microsoft.com/graph/api/drive-get-specialfolder",
	}, {
		regexp.MustCompile(`^(/.+)/special/[^/:]+(/.*)$`), "$1/items/special$2",
		"https://learn.microsoft.com/graph/api/drive-get-specialfolder",
	}, {
		regexp.MustCompile(`^/(?:users|groups|sites)/[^/]+/drive/(.*)$`), "/drives/of-owner/$1",
		"https://learn.microsoft.com/graph/api/driveitem-get",
	}, {
		regexp.MustCompile(`^(.+)/photos/\d+x\d+(/.*)?$`), "$1/photo$2",
		"https://learn.microsoft.com/graph/api/profilephoto-get",
	}, {
		regexp.MustCompile(`^(.+/(?:memberOf|transitiveMemberOf|members|directReports|manager))/microsoft\.graph\.\w+$`), "$1",
		"https://learn.microsoft.com/graph/api/user-list-memberof",
	},
}

// addressed lists the described paths that a path may mean, itself first.
func addressed(path string) []string {
	out := []string{path}
	for _, b := range beyondSlice {
		if next := b.form.ReplaceAllString(path, b.is); next != path {
			path = next
			out = append(out, path)
		}
	}
	for _, p := range out {
		if rest, ok := strings.CutPrefix(p, "/me/"); ok {
			out = append(out, "/users/me/"+rest)
		} else if m := belowUser.FindStringSubmatch(p); m != nil {
			out = append(out, "/me"+m[1])
		}
	}
	return out
}

var belowUser = regexp.MustCompile(`^/users(?:/[^/]+|\('[^/]+'\))(/.*)$`)

// beyondOptions are query options of documented operations that are missing in
// the description.
var beyondOptions = []struct {
	method, name string
	template     *regexp.Regexp
	value        *regexp.Regexp
	page         string
}{
	{http.MethodGet, "search", regexp.MustCompile(`^/sites$`), regexp.MustCompile(`.`), "https://learn.microsoft.com/graph/api/site-search"},
	{http.MethodGet, "format", regexp.MustCompile(`/content$`), regexp.MustCompile(`^(pdf|html|jpg|glb)$`), "https://learn.microsoft.com/graph/api/driveitem-get-content-format"},
	{http.MethodGet, "$format", regexp.MustCompile(`/transcripts/\{callTranscript-id\}/(content|metadataContent)$`), regexp.MustCompile(`^text/vtt$`), "https://learn.microsoft.com/graph/api/calltranscript-get"},
	{http.MethodGet, "token", regexp.MustCompile(`/(root|items/\{driveItem-id\})/delta\(\)$`), regexp.MustCompile(`.`), "https://learn.microsoft.com/graph/api/driveitem-delta"},
	{http.MethodGet, "includeIDs", regexp.MustCompile(`/onenote/pages/\{onenotePage-id\}/content$`), boolean, "https://learn.microsoft.com/graph/api/page-get"},
	{http.MethodGet, "preAuthenticated", regexp.MustCompile(`/onenote/pages/\{onenotePage-id\}/content$`), boolean, "https://learn.microsoft.com/graph/api/page-get"},
	{http.MethodGet, "pagelevel", regexp.MustCompile(`/onenote/pages`), boolean, "https://learn.microsoft.com/graph/api/page-get"},
	{http.MethodPost, "sectionName", regexp.MustCompile(`^/me/onenote/pages$`), regexp.MustCompile(`.`), "https://learn.microsoft.com/graph/api/onenote-post-pages"},
	{http.MethodPut, "@microsoft.graph.conflictBehavior", regexp.MustCompile(`/content$`), conflict, "https://learn.microsoft.com/graph/api/driveitem-put-content"},
	{http.MethodPost, "@microsoft.graph.conflictBehavior", regexp.MustCompile(`/(copy|createUploadSession)$`), conflict, "https://learn.microsoft.com/graph/api/driveitem-copy"},
	{http.MethodPatch, "@microsoft.graph.conflictBehavior", regexp.MustCompile(`/items/\{driveItem-id\}$`), conflict, "https://learn.microsoft.com/graph/api/driveitem-move"},
	{http.MethodDelete, "sendNotification", regexp.MustCompile(`/permissions/\{permission-id\}$`), boolean, "https://learn.microsoft.com/graph/api/permission-delete"},
}

var (
	boolean  = regexp.MustCompile(`^(true|false)$`)
	conflict = regexp.MustCompile(`^(fail|replace|rename)$`)
)

// narrower are operations that take fewer options than the description says, or
// smaller pages, by their pages.
var narrower = []struct {
	template *regexp.Regexp
	options  string // the only ones, with a space between; "*" for all described
	maxTop   int
	page     string
}{
	{regexp.MustCompile(`^/me/joinedTeams$`), "", 0, "https://learn.microsoft.com/graph/api/user-list-joinedteams"},
	{regexp.MustCompile(`^/teams/.*/messages(/\{chatMessage-id\}/replies)?$`), "$top $expand", 50, "https://learn.microsoft.com/graph/api/channel-list-messages"},
	{regexp.MustCompile(`^(/me)?/chats(/\{chat-id\}/messages)?$`), "$top $expand $filter $orderby $select", 50, "https://learn.microsoft.com/graph/api/chat-list-messages"},
	{regexp.MustCompile(`/messages$`), "*", 1000, "https://learn.microsoft.com/graph/api/user-list-messages"},
	{regexp.MustCompile(`/(calendarView|events|instances|contacts|people)$`), "*", 1000, "https://learn.microsoft.com/graph/query-parameters"},
	{regexp.MustCompile(`^/users$`), "*", 999, "https://learn.microsoft.com/graph/api/user-list"},
	{regexp.MustCompile(`/onenote/.*(notebooks|sections|pages)$`), "*", 100, "https://learn.microsoft.com/graph/onenote-get-content"},
}

// alsoAnswers are statuses that pages document beside the one that is described,
// with a body like that one's; Planner's, like that of the same GET.
var alsoAnswers = []struct {
	method   string
	template *regexp.Regexp
	status   int
	page     string
}{
	{http.MethodPut, regexp.MustCompile(`/content$`), http.StatusCreated, "https://learn.microsoft.com/graph/api/driveitem-put-content"},
	{http.MethodGet, regexp.MustCompile(`/content$`), http.StatusFound, "https://learn.microsoft.com/graph/api/driveitem-get-content"},
	{http.MethodPost, regexp.MustCompile(`/createLink$`), http.StatusCreated, "https://learn.microsoft.com/graph/api/driveitem-createlink"},
	{http.MethodPost, regexp.MustCompile(`/createOrGet$`), http.StatusOK, "https://learn.microsoft.com/graph/api/onlinemeeting-createorget"},
	{http.MethodPatch, regexp.MustCompile(`^/planner/`), http.StatusOK, "https://learn.microsoft.com/graph/api/plannertask-update"},
}

// preferences are the values of Prefer that Microsoft documents for these
// resources (https://learn.microsoft.com/graph/best-practices-concept and the
// pages of the resources).
var preferences = []*regexp.Regexp{
	regexp.MustCompile(`^outlook\.timezone="[^"]+"$`),
	regexp.MustCompile(`^outlook\.body-content-type="(text|html)"$`),
	regexp.MustCompile(`^outlook\.allow-unsafe-html$`),
	regexp.MustCompile(`^IdType="(ImmutableId|RestId)"$`),
	regexp.MustCompile(`^odata\.maxpagesize=[1-9]\d*$`),
	regexp.MustCompile(`^odata\.track-changes$`),
	regexp.MustCompile(`^return=(representation|minimal)$`),
	regexp.MustCompile(`^respond-async$`),
	regexp.MustCompile(`^include-unknown-enum-members$`),
	regexp.MustCompile(`^bypass-shared-lock$`),
	regexp.MustCompile(`^redeemSharingLink(IfNecessary)?$`),
	regexp.MustCompile(`^HonorNonIndexedQueriesWarningMayFailRandomly$`),
	regexp.MustCompile(`^apiversion=2\.[01]$`),
}

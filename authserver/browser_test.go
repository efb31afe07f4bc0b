package authserver_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"m365mcp/authserver"
	"m365mcp/entra"
	"m365mcp/internal/testenv"
)

// redirecting is a Microsoft that signs people in without a question, as it does
// for those who have a session there: its authorize page is one more redirect.
type redirecting struct {
	*microsoft
	url string
}

func (r redirecting) AuthorizeURL(ctx context.Context, s entra.SignIn) (string, error) {
	if _, err := r.microsoft.AuthorizeURL(ctx, s); err != nil {
		return "", err
	}
	return r.url + "/authorize?" + url.Values{"state": {s.State}}.Encode(), nil
}

// TestBrowser takes a real browser from the client to Microsoft and back, over
// four origins: its content security policy must stop nothing on that way.
func TestBrowser(t *testing.T) {
	t.Parallel()
	path := testenv.Chromium(t)
	client := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<p id="arrived">arrived</p>`))
	}))
	t.Cleanup(client.Close)
	var h *harness
	entraServer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := url.Values{"state": {r.FormValue("state")}, "code": {"ms-code"}}
		http.Redirect(w, r, h.URL+"/callback?"+q.Encode(), http.StatusFound)
	}))
	t.Cleanup(entraServer.Close)
	h = newHarness(t, func(o *authserver.Options) {
		m, ok := o.Upstream.(*microsoft)
		if !ok {
			t.Fatal("another upstream")
		}
		o.Upstream = redirecting{m, entraServer.URL}
	})
	registered := h.register(t, `{"client_name":"Assistant","redirect_uris":["`+client.URL+`/cb"],"token_endpoint_auth_method":"none"}`)
	clientID := registered.text(t, "client_id")
	request := h.request(clientID)
	request.Set("redirect_uri", client.URL+"/cb")

	ctx, cancel := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-quic", true), chromedp.WindowSize(390, 844))...)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil { // starts the browser, for as long as ctx
		t.Fatal(err)
	}
	ctx, cancel = context.WithTimeout(ctx, time.Minute)
	defer cancel()

	for decision, want := range map[string]string{"approve": "code", "deny": "error"} {
		err := chromedp.Do(ctx,
			chromedp.Navigate(h.URL+"/authorize?"+request.Encode()),
			chromedp.WaitVisible(chromedp.CSS(`button[value="approve"]`)),
		)
		if err != nil {
			t.Fatalf("%s: %v", decision, err)
		}
		equal(t, "the stylesheet applies", inPage[string](ctx, t, `getComputedStyle(document.querySelector(".primary")).backgroundColor`), "rgb(31, 95, 191)")
		equal(t, "wider than a phone", inPage[bool](ctx, t, `document.documentElement.scrollWidth > innerWidth`), false)
		err = chromedp.Do(ctx,
			chromedp.Click(chromedp.CSS(`button[value="`+decision+`"]`)),
			chromedp.WaitVisible(chromedp.CSS("#arrived")),
		)
		if err != nil {
			t.Fatalf("%s: %v", decision, err)
		}
		arrived := inPage[string](ctx, t, "location.href")
		q := parse(t, arrived).Query()
		if !strings.HasPrefix(arrived, client.URL+"/cb?") || q.Get(want) == "" || q.Get("iss") != h.URL {
			t.Errorf("%s: arrived at %s", decision, arrived)
		}
	}
}

func inPage[T any](ctx context.Context, t *testing.T, expression string) T {
	t.Helper()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return got
}

package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"m365mcp/app"
	"m365mcp/internal/headless"
)

// assistant is one that a person has connected.
type assistant struct {
	id     string
	tokens headless.Tokens
}

func (d *demo) assistant(t *testing.T, name, person string) assistant {
	t.Helper()
	id, err := d.browser.Register(t.Context(), d.server(), name)
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := headless.New(d.transport).SignInTo(t.Context(), d.server(), id, d.upn(t, person))
	if err != nil {
		t.Fatal(err)
	}
	return assistant{id, tokens}
}

const whoAmI = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"whoAmI","arguments":{}}}`

// expectLife fails unless calls and refreshes of the assistant go through, or neither does.
func (d *demo) expectLife(t *testing.T, what string, c assistant, lives bool) {
	t.Helper()
	status, refreshed := http.StatusUnauthorized, http.StatusBadRequest
	if lives {
		status, refreshed = http.StatusOK, http.StatusOK
	}
	if a := d.post(t, c.tokens.Access, whoAmI); a.status != status {
		t.Errorf("%s: a call is answered with %d %s, want %d", what, a.status, a.body, status)
	}
	a := d.send(t, d.server()+"/token", strings.NewReader(url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {c.tokens.Refresh}, "client_id": {c.id}, "resource": {d.MCPURL},
	}.Encode()), "Content-Type", "application/x-www-form-urlencoded")
	if a.status != refreshed {
		t.Errorf("%s: a refresh is answered with %d %s, want %d", what, a.status, a.body, refreshed)
	}
}

// tabTo moves the focus by the tabulator until it is on an element that is found by
// the selector and has these words, and checks that it can be seen there.
func (c *chromium) tabTo(t *testing.T, selector, words string) {
	t.Helper()
	found := fmt.Sprintf(`(e => !!e && e.matches(%q) && [e.innerText, ...(e.getAttribute("aria-labelledby") ?? "").split(" ").map(id => document.getElementById(id)?.innerText)].join(" ").includes(%q))(document.activeElement)`, selector, words)
	for range 40 {
		c.do(t, chromedp.KeyEvent(kb.Tab))
		if see(t, c, chromedp.Evaluate[bool](found)) {
			if style := see(t, c, chromedp.Evaluate[string](`getComputedStyle(document.activeElement).outlineStyle`)); style != "solid" {
				t.Errorf("the focus on %s does not show: outline %q", selector, style)
			}
			return
		}
	}
	t.Fatalf("the tabulator never comes to %s with %q", selector, words)
}

func (c *chromium) waitForTitle(t *testing.T, title string) {
	t.Helper()
	c.waitFor(t, fmt.Sprintf(`document.readyState === "complete" && document.querySelector("main h1")?.textContent === %q`, title))
}

// A person sees what is connected, ends one, and then all, with the keyboard alone,
// with and without script. What has ended is over at once; the others' goes on.
func TestConnectionsInABrowser(t *testing.T) {
	t.Parallel()
	for _, withoutScript := range []bool{false, true} {
		name := map[bool]string{false: "script", true: "no script"}[withoutScript]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startDemo(t, app.DemoOptions{})
			papers, notes := d.assistant(t, "Papers & Plans <b>", "ada"), d.assistant(t, "Notebook with a long name, such as people give who like them", "ada")
			his := d.assistant(t, "Secret of Bruno", "bruno")
			ada := d.upn(t, "ada")
			c := startChromium(t)
			command(t, c, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: withoutScript})
			c.do(t, chromedp.Navigate(d.server()+"/connections"))
			c.waitForTitle(t, "My connections")
			c.looks(t, "connections-signin")
			c.tabTo(t, "button", "Sign in at Microsoft")
			c.do(t, chromedp.KeyEvent(kb.Enter))
			person := chromedp.CSS(`button[name="user"][value="` + ada + `"]`)
			c.do(t, chromedp.WaitVisible(person), chromedp.Click(person))
			c.waitFor(t, `location.pathname === "/connections" && document.readyState === "complete"`)
			page := see(t, c, chromedp.Text(chromedp.CSS("main")))
			for _, words := range []string{"Papers & Plans <b>", "Notebook", ada, "The name is not verified", "127.0.0.1", "Within the last hour"} {
				if !strings.Contains(page, words) {
					t.Errorf("the page lacks %q:\n%s", words, page)
				}
			}
			if strings.Contains(page, "Bruno") || strings.Contains(page, "bruno") {
				t.Errorf("ada reads of bruno:\n%s", page)
			}
			c.looks(t, "connections")

			c.do(t, chromedp.Navigate(d.server()+"/connections"))
			c.tabTo(t, "summary", "What it may do")
			c.do(t, chromedp.KeyEvent(kb.Enter))
			if words := see(t, c, chromedp.Text(chromedp.CSS("main details[open]"))); !strings.Contains(words, "Read your mail") || !strings.Contains(words, "Send mail in your name") {
				t.Errorf("what it may do: %s", words)
			}
			c.looks(t, "connections-open")
			c.tabTo(t, "button", "End this connection Papers & Plans <b>")
			c.do(t, chromedp.KeyEvent(kb.Enter))
			c.waitForTitle(t, "The connection has ended")
			d.expectLife(t, "ended", papers, false)
			d.expectLife(t, "the other one", notes, true)
			c.looks(t, "connections-ended")
			c.tabTo(t, "a", "Back to my connections")
			c.do(t, chromedp.KeyEvent(kb.Enter))
			c.waitForTitle(t, "My connections")
			if rest := see(t, c, chromedp.Text(chromedp.CSS("main"))); strings.Contains(rest, "Papers") || !strings.Contains(rest, "Notebook") {
				t.Errorf("what is left: %s", rest)
			}
			c.tabTo(t, "summary", "End all connections")
			c.do(t, chromedp.KeyEvent(kb.Enter))
			c.looks(t, "connections-all")
			c.tabTo(t, "button", "End all connections")
			c.do(t, chromedp.KeyEvent(kb.Enter))
			c.waitForTitle(t, "All connections have ended")
			c.looks(t, "connections-all-ended")
			d.expectLife(t, "all ended", notes, false)
			d.expectLife(t, "another person's", his, true)
			c.tabTo(t, "a", "Back to my connections")
			c.do(t, chromedp.KeyEvent(kb.Enter))
			c.waitForTitle(t, "My connections")
			c.looks(t, "connections-none")
			c.tabTo(t, "button", "Sign out of this page")
			c.do(t, chromedp.KeyEvent(kb.Enter))
			c.waitForTitle(t, "You are signed out here")
			c.expectQuiet(t, hostOf(t, d.App.URL()), hostOf(t, d.EntraURL))
			if n := len(d.revocations(t)); n != 2 {
				t.Errorf("%d revocations in the audit, want 2", n)
			}
		})
	}
}

// revocations are the reasons of those in the audit.
func (d *demo) revocations(t *testing.T) (reasons []string) {
	t.Helper()
	for _, l := range d.audit(t) {
		if l.Type == "oauth.revoked" {
			reasons = append(reasons, l.Attributes["reason"])
		}
	}
	return reasons
}

// Another page cannot show this one in a frame, and cannot press its buttons in the
// browser of a person who is signed in, not even from the same host.
func TestConnectionsFromAnotherPage(t *testing.T) {
	t.Parallel()
	d := startDemo(t, app.DemoOptions{})
	papers := d.assistant(t, "Papers", "ada")
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if r.URL.Path == "/frame" {
			_, _ = fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,"><iframe src="%s/connections"></iframe>`, d.server())
			return
		}
		_, _ = fmt.Fprintf(w, `<!doctype html><link rel="icon" href="data:,"><form method="post" action="%s/connections">
			<input type="hidden" name="action" value="end all"><button id="trap">Win a prize</button></form>`, d.server())
	}))
	t.Cleanup(page.Close)
	c := startChromium(t)
	c.do(t, chromedp.Navigate(d.server()+"/connections"), chromedp.Click(ticketButton))
	person := chromedp.CSS(`button[name="user"][value="` + d.upn(t, "ada") + `"]`)
	c.do(t, chromedp.WaitVisible(person), chromedp.Click(person))
	c.waitFor(t, `location.pathname === "/connections" && document.readyState === "complete"`)
	if words := see(t, c, chromedp.Text(chromedp.CSS("main"))); !strings.Contains(words, "Papers") {
		t.Fatalf("she is not signed in: %s", words)
	}
	c.expectQuiet(t, hostOf(t, d.App.URL()), hostOf(t, d.EntraURL))

	c.do(t, chromedp.Navigate(page.URL+"/frame"))
	wait(t, func() bool { return strings.Contains(strings.Join(c.noise(), "\n"), "frame-ancestors") })

	c.do(t, chromedp.Navigate(page.URL+"/form"), chromedp.Click(chromedp.CSS("#trap")))
	c.waitForTitle(t, "My connections")
	if words := see(t, c, chromedp.Text(chromedp.CSS("main"))); !strings.Contains(words, "Nothing was changed") {
		t.Errorf("the form of another page is answered with %s", words)
	}
	d.expectLife(t, "after another page's form", papers, true)
	if r := d.revocations(t); len(r) != 0 {
		t.Errorf("revocations %v", r)
	}
}

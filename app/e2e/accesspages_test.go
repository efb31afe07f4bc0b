package e2e_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"m365mcp/app"
)

// A person opens the link that an assistant gives, and the assistant can do more with
// the connection it has; another person at the same link sees and changes nothing.
func TestAccessPagesInABrowser(t *testing.T) {
	t.Parallel()
	d := startDemo(t, app.DemoOptions{Configure: minimal})
	token := d.signIn(t, "ada").Access
	var out struct{ Link string }
	decodeResult(t, d.call(t, token, "requestAccess", `{"for":["mail","calendar","teams"]}`), &out)

	bruno := startChromium(t)
	bruno.do(t, chromedp.Navigate(out.Link))
	bruno.looks(t, "access-signin")
	bruno.signInAt(t, d.upn(t, "bruno"))
	if title := bruno.title(t); !strings.Contains(title, "another person") {
		t.Errorf("bruno sees %q", title)
	}
	bruno.looks(t, "access-other")

	ada := startChromium(t)
	ada.do(t, chromedp.Navigate(out.Link))
	ada.signInAt(t, d.upn(t, "ada"))
	page := see(t, ada, chromedp.Text(chromedp.CSS("main")))
	for _, words := range []string{"Headless client", "asks for more permissions", d.upn(t, "ada"), "Send mail in your name", "Read your chats", "The name is not verified", "Already allowed"} {
		if !strings.Contains(page, words) {
			t.Errorf("the page lacks %q:\n%s", words, page)
		}
	}
	ada.looks(t, "access")
	ada.do(t, chromedp.Click(approve))
	ada.waitFor(t, `location.pathname !== "/access" && !location.pathname.startsWith("/access/") && document.readyState === "complete"`)
	if strings.Contains(see(t, ada, chromedp.Location()), d.EntraURL) { // Entra asks for what is new
		ada.do(t, chromedp.Click(chromedp.CSS(`button[name="user"][value="`+d.upn(t, "ada")+`"]`)))
		ada.waitFor(t, `location.pathname === "/callback" && document.readyState === "complete"`)
	}
	if title := ada.title(t); title != "It may do more now" {
		t.Errorf("ada ends at %q", title)
	}
	ada.looks(t, "access-done")
	ada.expectQuiet(t, hostOf(t, d.App.URL()), hostOf(t, d.EntraURL))
	if r := d.call(t, token, "getEmails", `{"count":1}`); r.IsError {
		t.Errorf("the same connection: %s", r.text())
	}
	bruno.do(t, chromedp.Navigate(out.Link))
	if title := bruno.title(t); title != "This did not work" {
		t.Errorf("a link that was used says %q", title)
	}
}

// signInAt presses the page's button and chooses a person at Microsoft.
func (c *chromium) signInAt(t *testing.T, upn string) {
	t.Helper()
	person := chromedp.CSS(`button[name="user"][value="` + upn + `"]`)
	c.do(t, chromedp.Click(ticketButton), chromedp.WaitVisible(person), chromedp.Click(person))
	c.waitFor(t, `location.pathname.startsWith("/access/") && document.readyState === "complete"`)
}

// A second, wider request of a client shows what is new apart from what is allowed;
// and where somebody else comes back from Microsoft, the page comes again for that person.
func TestConsentPageAgain(t *testing.T) {
	t.Parallel()
	d := startDemo(t, app.DemoOptions{})
	client := startWebClient(t, d, "Papers")
	c := startChromium(t)
	ada, bruno := d.upn(t, "ada"), d.upn(t, "bruno")
	choose := func(upn string) {
		t.Helper()
		person := chromedp.CSS(`button[name="user"][value="` + upn + `"]`)
		c.do(t, chromedp.WaitVisible(person), chromedp.Click(person))
	}
	c.do(t, chromedp.Navigate(client.authorizeURL()+"&scope=Mail.Read+User.Read"), chromedp.Click(approve))
	choose(ada)
	c.do(t, chromedp.WaitVisible(landing), chromedp.Navigate(client.authorizeURL()+"&scope=preset:mail+User.Read+Chat.Read&prompt=select_account"))
	fresh, allowed, _ := strings.Cut(see(t, c, chromedp.Text(chromedp.CSS("main"))), "Already allowed")
	if !strings.Contains(fresh, "Read your chats") || strings.Contains(fresh, "See your name") || !strings.Contains(allowed, "You and your colleagues") {
		t.Errorf("new: %s\nallowed: %s", fresh, allowed)
	}
	c.looks(t, "consent-more")
	c.do(t, chromedp.Click(approve))
	choose(bruno)
	c.waitFor(t, `location.pathname === "/callback" && document.readyState === "complete"`)
	if page := see(t, c, chromedp.Text(chromedp.CSS("main"))); !strings.Contains(page, bruno) || strings.Contains(page, "Already allowed") || !strings.Contains(page, "Nothing has been given out yet") {
		t.Errorf("the other person sees %s", page)
	}
	c.looks(t, "consent-other")
	c.do(t, chromedp.Click(approve), chromedp.WaitVisible(landing))
	var who struct {
		UPN string `json:"userPrincipalName"`
	}
	decodeResult(t, d.call(t, client.redeem(t, client.answer(t, see(t, c, chromedp.Location()))), "whoAmI", `{}`), &who)
	if who.UPN != bruno {
		t.Errorf("connected as %s", who.UPN)
	}
	c.expectQuiet(t, client.host(), hostOf(t, d.App.URL()), hostOf(t, d.EntraURL))
}

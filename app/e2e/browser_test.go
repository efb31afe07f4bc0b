package e2e_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"m365mcp/app"
)

const (
	approve = chromedp.CSS(`button[name="decision"][value="approve"]`)
	deny    = chromedp.CSS(`button[name="decision"][value="deny"]`)
	landing = chromedp.CSS("#landed") // on the client's own page
)

type pageLayout struct {
	Sideways   bool    `json:"sideways"`
	Smallest   float64 `json:"smallest"`
	Background string  `json:"background"`
	Contrast   float64 `json:"contrast"` // of the text that is hardest to read (WCAG 2.2, 1.4.3: 4.5)
	Headings   string  `json:"headings"` // their levels
}

const measure = `(() => {
	const channels = text => text.match(/[\d.]+/g).map(Number);
	const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
		.reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
	const behind = e => {
		for (; e; e = e.parentElement) {
			const c = channels(getComputedStyle(e).backgroundColor);
			if (c.length < 4 || c[3] > 0) return c;
		}
		return [255, 255, 255];
	};
	const contrast = e => {
		const [a, b] = [luminance(channels(getComputedStyle(e).color)), luminance(behind(e))];
		return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
	};
	const texts = [...document.querySelectorAll("main *")].filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()));
	return {
		sideways: document.documentElement.scrollWidth > innerWidth,
		smallest: Math.min(...[...document.querySelectorAll("button")].map(b => b.getBoundingClientRect().height), 1000),
		background: getComputedStyle(document.body).backgroundColor,
		contrast: Math.min(...texts.map(contrast)),
		headings: [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map(h => h.tagName[1]).join(""),
	};
})()`

// headingLevels begin with one h1 and leave out none on the way down.
var headingLevels = regexp.MustCompile(`^1(2(2|3)*)?$`)

func (l pageLayout) check(t *testing.T, what, scheme string) {
	t.Helper()
	if l.Sideways || l.Smallest < 44 || l.Contrast < 4.5 || !headingLevels.MatchString(l.Headings) {
		t.Errorf("%s: %+v", what, l)
	}
	if light := strings.Contains(l.Background, "243, 244, 246"); light != (scheme == "light") {
		t.Errorf("%s: the background is %s", what, l.Background)
	}
}

// A person clicks through consent and sign-in in a real browser, with and without script.
func TestBrowserApproves(t *testing.T) {
	t.Parallel()
	for _, withoutScript := range []bool{false, true} {
		name := map[bool]string{false: "script", true: "no script"}[withoutScript]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := startDemo(t, app.DemoOptions{})
			client := startWebClient(t, d, "Papers & Plans <b>")
			ada := d.upn(t, "ada")
			c := startChromium(t)
			command(t, c, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: withoutScript})
			c.do(t, chromedp.Navigate(client.authorizeURL()))
			consent := see(t, c, chromedp.Text(chromedp.CSS("main")))
			for _, words := range []string{"Papers & Plans <b>", "Read your mail", "Send mail in your name", "Teams chats and channels", client.host()} {
				if !strings.Contains(consent, words) {
					t.Errorf("the consent page lacks %q:\n%s", words, consent)
				}
			}
			c.do(t, chromedp.Click(approve), chromedp.WaitVisible(chromedp.CSS(`button[name="user"]`)))
			if signIn := see(t, c, chromedp.Text(chromedp.CSS("main"))); !strings.Contains(signIn, ada) {
				t.Errorf("the sign-in page lacks %s:\n%s", ada, signIn)
			}
			c.do(t, chromedp.Click(chromedp.CSS(`button[name="user"][value="`+ada+`"]`)), chromedp.WaitVisible(landing))
			token := client.redeem(t, client.answer(t, see(t, c, chromedp.Location())))
			var who struct {
				UPN string `json:"userPrincipalName"`
			}
			decodeResult(t, d.call(t, token, "whoAmI", `{}`), &who)
			if who.UPN != ada {
				t.Errorf("signed in as %q, want %q", who.UPN, ada)
			}
			c.expectQuiet(t, client.host(), hostOf(t, d.App.URL()), hostOf(t, d.EntraURL))
		})
	}
}

func TestBrowserDenies(t *testing.T) {
	t.Parallel()
	d := startDemo(t, app.DemoOptions{})
	client := startWebClient(t, d, "Papers")
	c := startChromium(t)
	c.do(t, chromedp.Navigate(client.authorizeURL()), chromedp.Click(deny), chromedp.WaitVisible(landing))
	answer := client.answer(t, see(t, c, chromedp.Location()))
	if answer.Get("error") != "access_denied" || answer.Has("code") {
		t.Errorf("the client was told %v", answer)
	}
	c.expectQuiet(t, client.host(), hostOf(t, d.App.URL()))
}

// Another page cannot show the consent page in a frame, under what a person believes
// to be clicking on.
func TestConsentInAFrame(t *testing.T) {
	t.Parallel()
	d := startDemo(t, app.DemoOptions{})
	client := startWebClient(t, d, "Papers")
	framing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, `<!doctype html><link rel="icon" href="data:,"><iframe src="`+html.EscapeString(client.authorizeURL())+`"></iframe>`)
	}))
	t.Cleanup(framing.Close)
	c := startChromium(t)
	c.do(t, chromedp.Navigate(framing.URL))
	wait(t, func() bool { return strings.Contains(strings.Join(c.noise(), "\n"), "frame-ancestors") })
	c.do(t, chromedp.Navigate(client.authorizeURL()), chromedp.WaitVisible(approve)) // and it is the frame alone
}

// The consent page on a phone and a desktop, light and dark: nothing to scroll
// sideways, buttons large enough to touch. The pictures are kept where
// M365_MCP_TEST_SCREENSHOTS says.
func TestConsentPageFitsScreens(t *testing.T) {
	t.Parallel()
	d := startDemo(t, app.DemoOptions{})
	client := startWebClient(t, d, "Quarterly reports assistant of the finance department")
	c := startChromium(t)
	dir := os.Getenv("M365_MCP_TEST_SCREENSHOTS")
	if dir == "" {
		dir = t.TempDir()
	}
	for name, size := range map[string][2]int64{"phone": {390, 844}, "desktop": {1280, 800}} {
		for _, scheme := range []string{"light", "dark"} {
			command(t, c, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
				Width: size[0], Height: size[1], DeviceScaleFactor: 1, Mobile: name == "phone",
			})
			command(t, c, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
			})
			c.do(t, chromedp.Navigate(client.authorizeURL()), chromedp.WaitVisible(approve))
			see(t, c, chromedp.Evaluate[pageLayout](measure)).check(t, name+" "+scheme, scheme)
			picture := see(t, c, chromedp.FullScreenshot(100))
			if err := os.WriteFile(filepath.Join(dir, "consent-"+name+"-"+scheme+".png"), picture, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	c.expectQuiet(t, hostOf(t, d.App.URL()))
}

// webClient is an OAuth client with a page of its own to come back to.
type webClient struct {
	demo               *demo
	server             *httptest.Server
	clientID, redirect string
	state, verifier    string
}

func startWebClient(t *testing.T, d *demo, name string) *webClient {
	t.Helper()
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, `<!doctype html><link rel="icon" href="data:,"><title>Client</title><p id="landed">You can go back to the app.</p>`)
	})
	c := &webClient{demo: d, server: httptest.NewServer(page), state: rand.Text(), verifier: rand.Text() + rand.Text()}
	t.Cleanup(func() {
		c.server.CloseClientConnections()
		c.server.Close()
	})
	c.redirect = c.server.URL + "/back"
	c.clientID = registerClient(t, d, name, c.redirect)
	return c
}

func registerClient(t *testing.T, d *demo, name, redirect string) string {
	t.Helper()
	meta, err := json.Marshal(map[string]any{"client_name": name, "redirect_uris": []string{redirect}, "token_endpoint_auth_method": "none"})
	if err != nil {
		t.Fatal(err)
	}
	a := d.send(t, d.App.URL()+"/register", strings.NewReader(string(meta)), "Content-Type", "application/json")
	var registered struct {
		ID string `json:"client_id"`
	}
	if err := json.Unmarshal([]byte(a.body), &registered); err != nil || a.status != http.StatusCreated {
		t.Fatalf("register: %d %s", a.status, a.body)
	}
	return registered.ID
}

func (c *webClient) host() string { return c.server.Listener.Addr().String() }

func (c *webClient) authorizeURL() string {
	sum := sha256.Sum256([]byte(c.verifier))
	return c.demo.App.URL() + "/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {c.clientID}, "redirect_uri": {c.redirect}, "state": {c.state},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}, "resource": {c.demo.MCPURL},
	}.Encode()
}

// answer checks who answers, and to what.
func (c *webClient) answer(t *testing.T, landed string) url.Values {
	t.Helper()
	u, err := url.Parse(landed)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if !strings.HasPrefix(landed, c.redirect+"?") || q.Get("state") != c.state || q.Get("iss") != c.demo.App.URL() {
		t.Fatalf("the browser ended at %s", landed)
	}
	return q
}

func (c *webClient) redeem(t *testing.T, answer url.Values) string {
	t.Helper()
	tokens, err := c.demo.browser.Token(t.Context(), c.demo.App.URL(), url.Values{
		"grant_type": {"authorization_code"}, "code": {answer.Get("code")}, "client_id": {c.clientID},
		"redirect_uri": {c.redirect}, "code_verifier": {c.verifier}, "resource": {c.demo.MCPURL},
	})
	if err != nil {
		t.Fatal(err)
	}
	return tokens.Access
}

func hostOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

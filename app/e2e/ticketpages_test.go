package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

const (
	ticketButton = chromedp.CSS(`main form button`)
	uploadField  = chromedp.CSS(`input[type="file"]`)
	heading      = chromedp.CSS(`main h1`)
)

// signInHere presses the page's sign-in button and chooses a person at Microsoft.
func (c *chromium) signInHere(t *testing.T, upn string) {
	t.Helper()
	person := chromedp.CSS(`button[name="user"][value="` + upn + `"]`)
	c.do(t, chromedp.Click(ticketButton), chromedp.WaitVisible(person), chromedp.Click(person))
	c.waitFor(t, `location.pathname.startsWith("/tickets/") && document.readyState === "complete"`)
}

// waitFor waits until an expression is true of the page, across navigations.
func (c *chromium) waitFor(t *testing.T, expression string) {
	t.Helper()
	var last error
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		ok, err := chromedp.Run(c.ctx, chromedp.Evaluate[bool](expression))
		if ok && err == nil {
			return
		}
		last = err
	}
	t.Fatalf("browser: never %s: %v", expression, last)
}

func (c *chromium) title(t *testing.T) string {
	t.Helper()
	return see(t, c, chromedp.Text(heading))
}

// looks takes a picture of the page in each size and colour scheme, and measures it.
func (c *chromium) looks(t *testing.T, name string) {
	t.Helper()
	dir := os.Getenv("M365_MCP_TEST_SCREENSHOTS")
	if dir == "" {
		dir = t.TempDir()
	}
	for device, size := range map[string][2]int64{"phone": {390, 844}, "desktop": {1280, 800}} {
		for _, scheme := range []string{"light", "dark"} {
			c.screen(t, size, device == "phone", scheme)
			see(t, c, chromedp.Evaluate[pageLayout](measure)).check(t, name+" "+device+" "+scheme, scheme)
			picture := see(t, c, chromedp.FullScreenshot(100))
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%s-%s.png", name, device, scheme)), picture, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func (c *chromium) screen(t *testing.T, size [2]int64, mobile bool, scheme string) {
	t.Helper()
	command(t, c, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{
		Width: size[0], Height: size[1], DeviceScaleFactor: 1, Mobile: mobile,
	})
	command(t, c, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

// A link to a file opens a page that asks who is there; the wrong person gets
// nothing, the right one the file, once.
func TestDownloadPage(t *testing.T) {
	t.Parallel()
	for kind := range links {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			d := startDemo(t, withTools("full"))
			ada := d.session(t, "ada")
			link := ada.link(t, kind)
			name := strings.ReplaceAll(kind, " ", "-")
			c := startChromium(t)
			folder := t.TempDir()
			command(t, c, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: folder})

			c.do(t, chromedp.Navigate(link))
			if title := c.title(t); title != "Sign in to continue" {
				t.Errorf("the page says %q", title)
			}
			c.looks(t, "signin-"+name)
			c.signInHere(t, d.upn(t, "bruno"))
			if title := c.title(t); title != "This link is another person's" {
				t.Errorf("to another person the page says %q", title)
			}
			if words := see(t, c, chromedp.Text(chromedp.CSS("main"))); strings.Contains(words, ".pdf") {
				t.Errorf("another person reads %s", words)
			}
			c.looks(t, "other-"+name)
			c.signInHere(t, d.upn(t, "ada"))
			if title := c.title(t); title != "A file for you" {
				t.Fatalf("to the right person the page says %q", title)
			}
			c.looks(t, "download-"+name)
			c.do(t, chromedp.Click(ticketButton))
			file := c.waitForFile(t, folder)
			if !strings.HasPrefix(string(file), "%PDF-") {
				t.Errorf("what was downloaded begins with %.20q", file)
			}
			c.forget403(t)
			c.do(t, chromedp.Navigate(link))
			if title := c.title(t); title != "This link does not work" {
				t.Errorf("after the download the page says %q", title)
			}
			c.looks(t, "gone-"+name)
			c.forget403(t)
			c.expectQuiet(t, hostOf(t, d.App.URL()), hostOf(t, d.EntraURL))
		})
	}
}

// refusals are lines that Chromium itself writes to the console for a page whose
// status is an error, as that of a refused link has to be.
var refusals = regexp.MustCompile(`^network error: Failed to load resource: the server responded with a status of (403|404) `)

// forget403 takes Chromium's own lines about refused pages from what was heard.
func (c *chromium) forget403(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	var rest []string
	for _, line := range c.complaints {
		if !refusals.MatchString(line) {
			rest = append(rest, line)
		}
	}
	c.complaints = rest
}

// copies presses the button beside the id, and looks into the clipboard.
func (c *chromium) copies(t *testing.T, id string) {
	t.Helper()
	if value := see(t, c, chromedp.Evaluate[string](`document.querySelector("`+copyField+`").value`)); value != id {
		t.Errorf("the page has the id %q, the assistant %q", value, id)
	}
	c.do(t, chromedp.Click(chromedp.CSS(copyButton)))
	c.waitFor(t, `document.querySelector("`+copyButton+`").textContent === "Copied"`)
	command(t, c, browser.SetPermission, browser.SetPermissionParams{
		Permission: &browser.PermissionDescriptor{Name: "clipboard-read"}, Setting: browser.PermissionSettingGranted,
	})
	see(t, c, chromedp.Evaluate[bool](`navigator.clipboard.readText().then(text => { window.pasted = text }), true`))
	c.waitFor(t, `window.pasted === "`+id+`"`)
}

// waitForFile waits for the one file that the browser saves.
func (c *chromium) waitForFile(t *testing.T, folder string) []byte {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		files, err := filepath.Glob(filepath.Join(folder, "*.pdf")) // .crdownload until it is whole
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 1 {
			if content, err := os.ReadFile(files[0]); err == nil && len(content) > 0 {
				return content
			}
		}
	}
	files, err := os.ReadDir(folder)
	t.Fatalf("nothing was downloaded: %v, %v", files, err)
	return nil
}

// copyField is the id of an upload, beside the button that the script puts there.
const copyField, copyButton = `input[data-copy]`, `input[data-copy] + button`

// A person sends a file by the page that uploadFile gives; the assistant, which has
// had the id since then, saves it to OneDrive, and attaches it to a mail.
func TestUploadPage(t *testing.T) {
	t.Parallel()
	d := startDemo(t, withTools("full"))
	ada := d.session(t, "ada")
	r := ada.call(t, ada.token, "uploadFile", `{"name":"signed contract.pdf","path":"Documents"}`)
	link, _ := at(t, r.Structured, "uploadUrl").(string)
	id, _ := at(t, r.Structured, "uploadId").(string)
	if r.IsError || !strings.HasPrefix(link, d.server()+"/tickets/") || !strings.Contains(r.text(), id) || !strings.Contains(r.text(), "(Europe/Berlin)") {
		t.Fatalf("uploadFile without content: %s", r.text())
	}
	save := `{"uploadId":"` + id + `","name":"signed contract.pdf","path":"Documents"}`
	if r := ada.call(t, ada.token, "uploadFile", save); !r.IsError || !strings.Contains(r.text(), "has not sent it yet") {
		t.Errorf("before the upload: %s", r.text())
	}
	const words = "A contract with a signature, and <b>some</b> markup."
	source := filepath.Join(t.TempDir(), "contract & more <1>.pdf")
	if err := os.WriteFile(source, []byte("%PDF-1.4 "+words), 0o600); err != nil {
		t.Fatal(err)
	}

	c := startChromium(t)
	c.do(t, chromedp.Navigate(link))
	c.signInHere(t, d.upn(t, "ada"))
	if title := c.title(t); title != "Send a file to your assistant" {
		t.Fatalf("the page says %q", title)
	}
	c.looks(t, "upload")
	c.do(t, chromedp.SetUploadFiles(uploadField, []string{source}), chromedp.Click(ticketButton))
	c.waitFor(t, `document.querySelector("main h1")?.textContent === "Your file is here"`)
	c.looks(t, "uploaded")
	done := see(t, c, chromedp.Text(chromedp.CSS("main")))
	if !strings.Contains(done, "contract & more <1>.pdf") || !strings.Contains(done, "(Europe/Berlin)") {
		t.Errorf("after the upload the page says %s", done)
	}
	c.copies(t, id)
	c.looks(t, "copied")
	c.do(t, chromedp.Navigate(link))
	if title := c.title(t); title != "This link does not work" {
		t.Errorf("after the upload the link says %q", title)
	}
	c.forget403(t)
	c.expectQuiet(t, hostOf(t, d.App.URL()), hostOf(t, d.EntraURL))

	if r := ada.call(t, ada.token, "uploadFile", save); r.IsError {
		t.Errorf("save: %s", r.text())
	}
	w := d.witness(t, "ada")
	var item struct {
		Name string
		Size int
	}
	w.get(t, "/me/drive/root:/Documents/signed%20contract.pdf", &item)
	if item.Size != len("%PDF-1.4 "+words) {
		t.Errorf("at Microsoft the file is %+v", item)
	}
	if r := ada.call(t, ada.token, "addDraftAttachment", `{"emailId":"`+ada.thing(t, "draft")+`","attachment":"`+id+`"}`); r.IsError {
		t.Errorf("attach: %s", r.text())
	}

	// Without script the field is all there is.
	plain, _ := at(t, ada.call(t, ada.token, "uploadFile", `{"name":"third.pdf"}`).Structured, "uploadUrl").(string)
	c.do(t, chromedp.Navigate(plain))
	command(t, c, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	c.do(t, chromedp.SetUploadFiles(uploadField, []string{source}), chromedp.Click(ticketButton), chromedp.WaitVisible(chromedp.CSS(copyField)))
	if buttons := see(t, c, chromedp.Evaluate[int](`document.querySelectorAll("button").length`)); buttons != 0 {
		t.Errorf("without script the page has %d buttons", buttons)
	}
	c.looks(t, "uploaded-plain")

	// A form of another page is refused, even in the same person's browser.
	other, _ := at(t, ada.call(t, ada.token, "uploadFile", `{"name":"second.pdf"}`).Structured, "uploadUrl").(string)
	page := d.person(t, "ada", other)
	if a := page.submit(t); a.Status != http.StatusBadRequest && a.Status != http.StatusForbidden {
		t.Errorf("a form without a file: %d", a.Status)
	}
}

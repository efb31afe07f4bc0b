package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"m365mcp/internal/testenv"
)

// chromium is one tab of a headless Chromium with a profile of its own. It
// remembers what a person with open developer tools would see.
type chromium struct {
	ctx context.Context //nolint:containedctx // chromedp keeps the tab in a context

	mu         sync.Mutex
	complaints []string // console messages, exceptions, violations of a policy
	hosts      []string // that the page asked for something
}

func startChromium(t *testing.T) *chromium {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(testenv.Chromium(t)), chromedp.UserDataDir(t.TempDir()),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WSURLReadTimeout(30*time.Second),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-quic", true))
	limit, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 50*time.Second)
	allocator, stop := chromedp.NewExecAllocator(limit, options...)
	c := &chromium{}
	var end context.CancelFunc
	c.ctx, end = chromedp.NewContext(allocator, chromedp.WithListener(c.listen))
	t.Cleanup(func() { // in this order, and each waits for its own
		end()
		stop()
		cancel()
	})
	c.do(t) // opens the tab
	command(t, c, network.Enable, network.EnableParams{})
	command(t, c, log.Enable, cdp.Empty{})
	return c
}

// command sends one command of the developer tools' protocol.
func command[P, R any](t *testing.T, c *chromium, cmd cdp.Command[P, R], params P) {
	t.Helper()
	if _, err := chromedp.Call(c.ctx, cmd, params); err != nil {
		t.Fatalf("browser: %s: %v", cmd.Method, err)
	}
}

func (c *chromium) listen(event any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch e := event.(type) {
	case *log.EventEntryAdded:
		c.complaints = append(c.complaints, fmt.Sprintf("%s %s: %s (%s)", e.Entry.Source, e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *runtime.EventConsoleAPICalled:
		c.complaints = append(c.complaints, "console."+e.Type.String())
	case *runtime.EventExceptionThrown:
		c.complaints = append(c.complaints, e.ExceptionDetails.Text)
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err == nil && !slices.Contains(c.hosts, u.Host) {
			c.hosts = append(c.hosts, u.Host)
		}
	}
}

func (c *chromium) do(t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(c.ctx, steps...); err != nil {
		t.Fatalf("browser: %v", err)
	}
}

// see returns what an action finds on the page.
func see[T any](t *testing.T, c *chromium, action chromedp.Action[T]) T {
	t.Helper()
	got, err := chromedp.Run(c.ctx, action)
	if err != nil {
		t.Fatalf("browser: %v", err)
	}
	return got
}

// expectQuiet fails on anything in the console, and on requests to hosts other than these.
func (c *chromium) expectQuiet(t *testing.T, hosts ...string) {
	t.Helper()
	for _, noise := range c.noise(hosts...) {
		t.Error(noise)
	}
}

func (c *chromium) noise(hosts ...string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	noise := slices.Clone(c.complaints)
	for _, host := range c.hosts {
		if !slices.Contains(hosts, host) {
			noise = append(noise, "a page sent a request to "+host)
		}
	}
	return noise
}

// The tests that expect silence would prove nothing if nothing were heard.
func TestChromiumHears(t *testing.T) {
	t.Parallel()
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Security-Policy", "style-src 'none'")
		_, _ = w.Write([]byte(`<link rel="icon" href="data:,"><p style="color:red">red</p><img src="http://127.0.0.1:9/x.png">
			<script>console.error("oh"); undefined.x</script>`))
	}))
	t.Cleanup(page.Close)
	c := startChromium(t)
	c.do(t, chromedp.Navigate(page.URL))
	noise := strings.Join(c.noise(hostOf(t, page.URL)), "\n")
	for _, want := range []string{"style-src", "console.error", "Uncaught", "request to 127.0.0.1:9"} {
		if !strings.Contains(noise, want) {
			t.Errorf("nothing heard of %q:\n%s", want, noise)
		}
	}
}

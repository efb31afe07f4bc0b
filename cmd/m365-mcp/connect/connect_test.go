package connect_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"m365mcp/cmd/m365-mcp/connect"
)

const demoURL = "http://127.0.0.1:8365/mcp"

// The README has the same words between two marks.
func TestReadmeIsCurrent(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- begin connect -->\n", "<!-- end connect -->"
	_, rest, found := strings.Cut(string(readme), begin)
	got, _, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatal("README.md has lost the marks of its connect section")
	}
	want, err := connect.Markdown(demoURL, "https://mcp.example.com/mcp")
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(got) != strings.TrimSpace(want) {
		t.Errorf("README.md, connect section, should read:\n%s", want)
	}
}

func TestEveryTextNamesTheAddressAndItsGround(t *testing.T) {
	t.Parallel()
	for _, id := range connect.IDs() {
		for _, url := range []string{demoURL, "https://mcp.example.com/mcp"} {
			text, err := connect.Text(id, url)
			if err != nil {
				t.Errorf("%s: %v", id, err)
				continue
			}
			if !strings.Contains(text, url) {
				t.Errorf("%s does not name %s", id, url)
			}
			if !strings.Contains(text, "Run here:") && !regexp.MustCompile(`Not run here: from the product's documentation, https://\S+, looked up on \d+ \w+ \d{4}\.`).MatchString(text) {
				t.Errorf("%s does not say on what ground it stands", id)
			}
			if strings.Contains(text, "<no value>") || strings.Contains(text, "{{") {
				t.Errorf("%s is not filled in:\n%s", id, text)
			}
		}
	}
}

// "Run here" names the version that the end-to-end tests install.
func TestVersionsRunHereAreTheInstalledOnes(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../app/e2e/clients/package.json")
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Dependencies map[string]string `json:"dependencies"`
	}
	if err := json.Unmarshal(text, &manifest); err != nil {
		t.Fatal(err)
	}
	for id, pkg := range map[string]string{"inspector": "@modelcontextprotocol/inspector", "mcp-remote": "mcp-remote"} {
		got, err := connect.Text(id, demoURL)
		if err != nil {
			t.Fatal(err)
		}
		if want := "Run here: version " + manifest.Dependencies[pkg] + ","; !strings.Contains(got, want) {
			t.Errorf("%s should say %q", id, want)
		}
	}
}

func TestWebClientsAreToldAboutPublicHTTPS(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"chatgpt", "copilot-studio"} {
		for url, want := range map[string]bool{demoURL: true, "https://localhost/mcp": true, "https://mcp.example.com": false} {
			text, err := connect.Text(id, url)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(text, "needs a public HTTPS address"); got != want {
				t.Errorf("%s for %s: told %v, want %v", id, url, got, want)
			}
		}
	}
}

// What people paste into a file must be JSON.
func TestJSONIsValid(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"claude-desktop", "vscode", "cursor", "mcp-remote"} {
		for _, url := range []string{demoURL, "https://mcp.example.com/mcp"} {
			text, err := connect.Text(id, url)
			if err != nil {
				t.Fatal(err)
			}
			block := regexp.MustCompile(`(?s)    \{.*\n    \}`).FindString(text)
			if !json.Valid([]byte(block)) {
				t.Errorf("%s for %s: not JSON:\n%s", id, url, block)
			}
		}
	}
}

func TestAddressIsCompletedOrRefused(t *testing.T) {
	t.Parallel()
	if text, err := connect.Text("cursor", "https://mcp.example.com"); err != nil || !strings.Contains(text, `"https://mcp.example.com/mcp"`) {
		t.Errorf("not completed: %v\n%s", err, text)
	}
	for _, bad := range []string{"", "mcp.example.com", "ftp://mcp.example.com", "https://mcp.example.com/mcp?x=1", "https://a:b@mcp.example.com", "https://mcp.example.com/';rm"} {
		if _, err := connect.Text("cursor", bad); err == nil {
			t.Errorf("accepted %q", bad)
		}
	}
	if _, err := connect.Text("netscape", demoURL); err == nil || !strings.Contains(err.Error(), "claude-code") {
		t.Errorf("unknown client: %v", err)
	}
}

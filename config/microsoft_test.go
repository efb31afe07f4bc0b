package config_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/config"
)

const (
	first  = "66666666-7777-8888-9999-000000000000"
	second = "77777777-8888-9999-0000-1111111111AA"
)

// loadMicrosoft loads with nothing of Microsoft's set but the client id and env.
func loadMicrosoft(env ...string) (config.Microsoft, string) {
	c, err := config.Load("", append([]string{"MICROSOFT_CLIENT_ID=client", "ENCRYPTION_KEY=" + goodKey}, env...),
		files{"cert.pem": "-----BEGIN CERTIFICATE-----\ncanary", "secret": "canary"}.read)
	var text strings.Builder
	if all, ok := errors.AsType[config.Errors](err); ok {
		for _, p := range all {
			text.WriteString(p.String() + "\n")
		}
	}
	return c.Microsoft, text.String()
}

func TestOneCredential(t *testing.T) {
	t.Parallel()
	const (
		secret    = "MICROSOFT_CLIENT_SECRET=canary"
		text      = "M365_MCP_MICROSOFT_CLIENT_CERTIFICATE=-----BEGIN CERTIFICATE-----\ncanary"
		file      = "M365_MCP_MICROSOFT_CLIENT_CERTIFICATE_FILE=cert.pem"
		federated = "AZURE_FEDERATED_TOKEN_FILE=/var/run/secrets/azure/tokens/azure identity token"
	)
	for name, c := range map[string]struct {
		env  []string
		want []string // empty: accepted
	}{
		"secret":           {[]string{secret}, nil},
		"secret file":      {[]string{"MICROSOFT_CLIENT_SECRET_FILE=secret"}, nil},
		"certificate":      {[]string{text}, nil},
		"certificate file": {[]string{file}, nil},
		"federation":       {[]string{federated}, nil},
		"federation, ours": {[]string{"M365_MCP_MICROSOFT_FEDERATED_TOKEN_FILE=token"}, nil},
		"none": {nil, []string{
			"no credential of the application is set", "MICROSOFT_CLIENT_SECRET (or MICROSOFT_CLIENT_SECRET_FILE)",
			"M365_MCP_MICROSOFT_CLIENT_CERTIFICATE (or M365_MCP_MICROSOFT_CLIENT_CERTIFICATE_FILE)", "AZURE_FEDERATED_TOKEN_FILE",
		}},
		"secret and certificate":   {[]string{secret, file}, []string{"microsoft.client_secret, microsoft.client_certificate: ", "keep one of them"}},
		"secret and federation":    {[]string{secret, federated}, []string{"microsoft.client_secret, microsoft.federated_token_file: ", "keep one of them"}},
		"all three":                {[]string{secret, text, federated}, []string{"microsoft.client_secret, microsoft.client_certificate, microsoft.federated_token_file: "}},
		"certificate twice":        {[]string{text, file}, []string{"are set together"}},
		"certificate file is gone": {[]string{"M365_MCP_MICROSOFT_CLIENT_CERTIFICATE_FILE=gone.pem"}, []string{"the file cannot be read"}},
		"path with a line":         {[]string{"AZURE_FEDERATED_TOKEN_FILE=a\nb"}, []string{"control character"}},
	} {
		_, got := loadMicrosoft(append(c.env, "MICROSOFT_TENANT_ID="+first)...)
		if (got == "") != (len(c.want) == 0) || strings.Count(got, "fix:") > 1 || strings.Contains(got, "canary") {
			t.Errorf("%s: %s", name, got)
		}
		for _, want := range c.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s\nwant it to say %q", name, got, want)
			}
		}
	}
}

func TestTenantAndList(t *testing.T) {
	t.Parallel()
	const list = "M365_MCP_MICROSOFT_ALLOWED_TENANTS="
	for name, c := range map[string]struct {
		env    []string
		tenant string
		all    []string
		want   string // empty: accepted
	}{
		"id":                 {[]string{"MICROSOFT_TENANT_ID=" + first}, first, nil, ""},
		"domain":             {[]string{"MICROSOFT_TENANT_ID=contoso.example"}, "contoso.example", nil, ""},
		"several":            {[]string{list + first + ", " + second}, "organizations", []string{first, strings.ToLower(second)}, ""},
		"several, named":     {[]string{"MICROSOFT_TENANT_ID=Organizations", list + first}, "organizations", []string{first}, ""},
		"any":                {[]string{"MICROSOFT_TENANT_ID=organizations", list + "*"}, "organizations", []string{"*"}, ""},
		"no list":            {[]string{"MICROSOFT_TENANT_ID=organizations"}, "", nil, "people of every organization could sign in"},
		"one and a list":     {[]string{"MICROSOFT_TENANT_ID=" + first, list + second}, "", nil, "microsoft.tenant_id names one tenant"},
		"list and any":       {[]string{list + first + ",*"}, "", nil, "which is all of them"},
		"domain on the list": {[]string{list + "contoso.example"}, "", nil, `"contoso.example" is no tenant ID`},
		"personal accounts":  {[]string{list + "9188040D-6c67-4c5b-b112-36a304b66dad"}, "", nil, "personal accounts"},
		"common":             {[]string{"MICROSOFT_TENANT_ID=Common", list + first}, "", nil, "personal accounts"},
		"nothing":            {nil, "", nil, "microsoft.tenant_id: is not set"},
	} {
		got, text := loadMicrosoft(append(c.env, "MICROSOFT_CLIENT_SECRET=a")...)
		if c.want != "" {
			if !strings.Contains(text, c.want) || strings.Count(text, "fix:") != 1 {
				t.Errorf("%s: %s\nwant it to say %q", name, text, c.want)
			}
			continue
		}
		if text != "" || got.TenantID != c.tenant || !slices.Equal(got.AllowedTenants, c.all) {
			t.Errorf("%s: %q, %q: %s", name, got.TenantID, got.AllowedTenants, text)
		}
	}
}

func TestClouds(t *testing.T) {
	t.Parallel()
	const proxy = "http://127.0.0.1:9999"
	for name, c := range map[string]struct {
		env  []string
		want [3]string // authority, Graph, resource of Graph
		says string    // empty: accepted
	}{
		"default": {nil, [3]string{"https://login.microsoftonline.com", "https://graph.microsoft.com", "https://graph.microsoft.com"}, ""},
		"usgov":   {[]string{"M365_MCP_MICROSOFT_CLOUD=usgov"}, [3]string{"https://login.microsoftonline.us", "https://graph.microsoft.us", "https://graph.microsoft.us"}, ""},
		"dod":     {[]string{"M365_MCP_MICROSOFT_CLOUD=dod"}, [3]string{"https://login.microsoftonline.us", "https://dod-graph.microsoft.us", "https://dod-graph.microsoft.us"}, ""},
		"china": {[]string{"M365_MCP_MICROSOFT_CLOUD=china"}, [3]string{
			"https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn",
		}, ""},
		"china by its other name": {[]string{"M365_MCP_MICROSOFT_CLOUD=china", "MICROSOFT_AUTHORITY=https://login.chinacloudapi.cn/"}, [3]string{
			"https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn",
		}, ""},
		"stand-ins": {[]string{"MICROSOFT_AUTHORITY=" + proxy, "MICROSOFT_GRAPH_URL=" + proxy}, [3]string{proxy, proxy, "https://graph.microsoft.com"}, ""},
		"Graph by a proxy, with the permissions of the cloud": {
			[]string{"M365_MCP_MICROSOFT_CLOUD=usgov", "MICROSOFT_GRAPH_URL=" + proxy},
			[3]string{"https://login.microsoftonline.us", proxy, "https://graph.microsoft.us"},
			"",
		},
		"authority of another cloud": {
			[]string{"MICROSOFT_AUTHORITY=https://LOGIN.microsoftonline.us"},
			[3]string{},
			"is of the cloud usgov or dod, and microsoft.cloud is global\n      fix: set M365_MCP_MICROSOFT_CLOUD=usgov",
		},
		"Graph of another cloud": {
			[]string{"M365_MCP_MICROSOFT_CLOUD=usgov", "MICROSOFT_GRAPH_URL=https://dod-graph.microsoft.us"},
			[3]string{},
			"microsoft.graph_url: https://dod-graph.microsoft.us is of the cloud dod, and microsoft.cloud is usgov",
		},
		"global Graph": {
			[]string{"M365_MCP_MICROSOFT_CLOUD=china", "MICROSOFT_GRAPH_URL=https://graph.microsoft.com"},
			[3]string{},
			"is of the cloud global, and microsoft.cloud is china",
		},
	} {
		got, text := loadMicrosoft(append(c.env, "MICROSOFT_CLIENT_SECRET=a", "MICROSOFT_TENANT_ID="+first)...)
		if c.says != "" {
			if !strings.Contains(text, c.says) || strings.Count(text, "fix:") != 1 {
				t.Errorf("%s: %s\nwant it to say %q", name, text, c.says)
			}
			continue
		}
		if diff := cmp.Diff(c.want, [3]string{got.Authority, got.GraphURL, got.GraphResource}); diff != "" || text != "" {
			t.Errorf("%s (-want +got):\n%s%s", name, diff, text)
		}
	}
}

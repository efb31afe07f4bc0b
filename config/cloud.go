package config

// A cloud is one of Microsoft's separate deployments of Entra and Graph.
type cloud struct{ authority, graph string }

// From Microsoft's page "National cloud deployments".
var clouds = map[string]cloud{
	"global": {"https://login.microsoftonline.com", "https://graph.microsoft.com"},
	"usgov":  {"https://login.microsoftonline.us", "https://graph.microsoft.us"},
	"dod":    {"https://login.microsoftonline.us", "https://dod-graph.microsoft.us"},
	"china":  {"https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn"},
}

func cloudNames() []string { return []string{"global", "usgov", "dod", "china"} }

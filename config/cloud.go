package config

// A cloud is one of Microsoft's separate deployments of Entra and Graph.
type cloud struct {
	authority, graph string
	aliases          []string // other names of the authority
}

// From Microsoft's pages "National clouds" (Entra) and "National cloud
// deployments" (Graph), which name China's authority differently; the first of
// the two names is the one in its tokens.
var clouds = map[string]cloud{
	"global": {authority: "https://login.microsoftonline.com", graph: "https://graph.microsoft.com"},
	"usgov":  {authority: "https://login.microsoftonline.us", graph: "https://graph.microsoft.us"},
	"dod":    {authority: "https://login.microsoftonline.us", graph: "https://dod-graph.microsoft.us"},
	"china": {
		authority: "https://login.partner.microsoftonline.cn", graph: "https://microsoftgraph.chinacloudapi.cn",
		aliases: []string{"https://login.chinacloudapi.cn"},
	},
}

func cloudNames() []string { return []string{"global", "usgov", "dod", "china"} }

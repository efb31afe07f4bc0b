package gateway

import (
	"net/url"
	"slices"
	"strings"
)

// storageHosts are where the clouds keep the bytes of files, by the host of
// their Graph (https://learn.microsoft.com/graph/deployments): the SharePoint
// and Exchange rows of "Microsoft 365 URLs and IP address ranges"
// (https://learn.microsoft.com/microsoft-365/enterprise/urls-and-ip-address-ranges
// and its pages for the other clouds). Upload sessions of drives are on
// SharePoint, those of Outlook on its host
// (https://learn.microsoft.com/graph/outlook-large-attachments); *.svc.ms
// converts and previews for SharePoint.
var storageHosts = map[string][]string{
	"graph.microsoft.com": {
		"*.sharepoint.com", "*.svc.ms", "outlook.office.com", "outlook.office365.com", "attachments.office.net", "*.attachments.office.net",
	},
	"graph.microsoft.us":              {"*.sharepoint.us", "outlook.office365.us", "attachments.office365-net.us"},
	"dod-graph.microsoft.us":          {"*.sharepoint-mil.us", "outlook-dod.office365.us", "attachments-dod.office365-net.us"},
	"microsoftgraph.chinacloudapi.cn": {"*.sharepoint.cn", "partner.outlook.cn"},
}

// DefaultStorageHosts returns the storage hosts of the cloud that a Graph belongs
// to. A Graph that is none of Microsoft's is taken to keep its files itself.
func DefaultStorageHosts(graphURL string) []string {
	u, err := url.Parse(graphURL)
	if err != nil || u.Host == "" {
		return nil
	}
	if hosts, ok := storageHosts[strings.ToLower(u.Hostname())]; ok {
		return slices.Clone(hosts)
	}
	return []string{strings.ToLower(u.Host)}
}

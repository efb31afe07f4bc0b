package wire

import (
	"cmp"
	"encoding/base64"
	"encoding/json"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/exchange"
)

// Attachment is a file or an item on a message, with the properties that were
// asked for; the item itself comes by $expand.
func Attachment(m *exchange.Message, a dataset.Attachment, immutableID bool, names []string) map[string]any {
	if a.Item != nil {
		return itemAttachment(m, a, immutableID, names)
	}
	contentType := cmp.Or(a.ContentType, "application/octet-stream")
	out := map[string]any{"@odata.type": "#microsoft.graph.fileAttachment", "@odata.mediaContentType": contentType}
	for _, name := range names {
		switch name {
		case "id":
			out[name] = m.AttachmentID(a, immutableID)
		case "lastModifiedDateTime":
			out[name] = m.Received.UTC().Format(timestamp)
		case "name":
			out[name] = a.Name
		case "contentType":
			out[name] = contentType
		case "size":
			out[name] = len(a.Content)
		case "isInline":
			out[name] = a.Inline
		case "contentId":
			out[name] = nil
			if a.ContentID != "" {
				out[name] = a.ContentID
			}
		case "contentLocation":
			out[name] = nil
		case "contentBytes":
			out[name] = base64.StdEncoding.EncodeToString(a.Content)
		}
	}
	return out
}

func itemAttachment(m *exchange.Message, a dataset.Attachment, immutableID bool, names []string) map[string]any {
	all := map[string]any{
		"id": m.AttachmentID(a, immutableID), "lastModifiedDateTime": m.Received.UTC().Format(timestamp), "name": a.Name,
		"contentType": nil, "size": len(a.Item), "isInline": a.Inline, "item": json.RawMessage(a.Item),
	}
	out := pick(all, names)
	out["@odata.type"] = "#microsoft.graph.itemAttachment"
	return out
}

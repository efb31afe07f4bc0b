package wire

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"mime"
	"path"
	"slices"
	"strings"

	"m365mcp/simulator/dataset"
	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/exchange"
)

// ReadRecipients reads a list of recipients; an absent one is left alone.
func ReadRecipients(o Object, name string, into *[]dataset.Address) error {
	var list []json.RawMessage
	if err := Read(o, name, &list); err != nil || list == nil {
		return err
	}
	people := make([]dataset.Address, 0, len(list))
	for _, raw := range list {
		a, err := readRecipient(raw)
		if err != nil {
			return err
		}
		people = append(people, a)
	}
	*into = people
	return nil
}

func readRecipient(raw []byte) (dataset.Address, error) {
	o, err := ReadObject(raw, "recipient", "emailAddress")
	if err != nil {
		return dataset.Address{}, err
	}
	var inner json.RawMessage
	if err := Read(o, "emailAddress", &inner); err != nil || inner == nil {
		return dataset.Address{}, err
	}
	address, err := ReadObject(inner, "emailAddress", "name", "address")
	if err != nil {
		return dataset.Address{}, err
	}
	var a dataset.Address
	if err := Read(address, "name", &a.Name); err != nil {
		return a, err
	}
	return a, Read(address, "address", &a.Address)
}

func readAttachments(o Object, m *exchange.Message) error {
	var list []json.RawMessage
	if err := Read(o, "attachments", &list); err != nil {
		return err
	}
	for _, raw := range list {
		a, err := ReadAttachment(raw)
		if err != nil {
			return err
		}
		m.Attachments = append(m.Attachments, a)
	}
	return nil
}

// ReadAttachment decodes a microsoft.graph.fileAttachment or itemAttachment.
func ReadAttachment(raw []byte) (dataset.Attachment, error) {
	o, err := ReadObject(raw, "fileAttachment", slices.Concat(AttachmentBase, FileAttachment, ItemAttachment)...)
	if err != nil {
		return dataset.Attachment{}, err
	}
	var kind, encoded string
	if err := Read(o, "@odata.type", &kind); err != nil {
		return dataset.Attachment{}, err
	}
	var a dataset.Attachment
	for name, into := range map[string]*string{"name": &a.Name, "contentType": &a.ContentType, "contentId": &a.ContentID, "contentBytes": &encoded} {
		if err := Read(o, name, into); err != nil {
			return a, err
		}
	}
	if err := Read(o, "isInline", &a.Inline); err != nil {
		return a, err
	}
	if a.Name == "" {
		return a, apierror.BadRequest("ErrorInvalidArgument", "The attachment must have a name.")
	}
	switch strings.TrimPrefix(kind, "#") {
	case "microsoft.graph.fileAttachment":
		if a.Content, err = base64.StdEncoding.DecodeString(encoded); err != nil {
			return a, apierror.BadRequest("RequestBodyRead", "Cannot convert the literal of the property 'contentBytes' to the expected type 'Edm.Binary'.")
		}
		a.ContentType = FileType(a.Name, a.ContentType)
		return a, nil
	case "microsoft.graph.itemAttachment":
		a.ContentType = ""
		return a, readItem(o, &a)
	default:
		return a, apierror.BadRequest("RequestBodyRead", "Cannot create an abstract class: '@odata.type' must be '#microsoft.graph.fileAttachment' or '#microsoft.graph.itemAttachment'.")
	}
}

// FileType is the media type of a file, by its name where none is given.
func FileType(name, contentType string) string {
	if _, _, err := mime.ParseMediaType(contentType); err != nil {
		return cmp.Or(mime.TypeByExtension(path.Ext(name)), "application/octet-stream")
	}
	return contentType
}

// readItem keeps the item of an itemAttachment as it is. A message is read,
// so that it is one.
func readItem(o Object, a *dataset.Attachment) error {
	var raw json.RawMessage
	if err := Read(o, "item", &raw); err != nil {
		return err
	}
	var typed struct {
		Type string `json:"@odata.type"`
	}
	if raw == nil || json.Unmarshal(raw, &typed) != nil {
		return apierror.BadRequest("ErrorInvalidArgument", "An item attachment needs an item.")
	}
	switch kind := strings.TrimPrefix(typed.Type, "#"); kind {
	case "microsoft.graph.message":
		if _, err := ReadMessage(raw); err != nil {
			return err
		}
	case "microsoft.graph.event", "microsoft.graph.contact":
	default:
		return apierror.BadRequest("RequestBodyRead", "The '@odata.type' of an attached item must be a message, an event or a contact, not '%s'.", kind)
	}
	a.Item = raw
	return nil
}

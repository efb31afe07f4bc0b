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

func readRecipients(o Object, name string, into *[]dataset.Address) error {
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
		file, err := ReadObject(raw, "fileAttachment", slices.Concat(AttachmentBase, FileAttachment)...)
		if err != nil {
			return err
		}
		var kind, encoded string
		if err := Read(file, "@odata.type", &kind); err != nil {
			return err
		}
		if strings.TrimPrefix(kind, "#") != "microsoft.graph.fileAttachment" {
			return apierror.BadRequest("RequestBodyRead", "Cannot create an abstract class: '@odata.type' must be '#microsoft.graph.fileAttachment'.")
		}
		var a dataset.Attachment
		for name, into := range map[string]*string{"name": &a.Name, "contentType": &a.ContentType, "contentId": &a.ContentID, "contentBytes": &encoded} {
			if err := Read(file, name, into); err != nil {
				return err
			}
		}
		if err := Read(file, "isInline", &a.Inline); err != nil {
			return err
		}
		if a.Name == "" {
			return apierror.BadRequest("ErrorInvalidArgument", "The attachment must have a name.")
		}
		if a.Content, err = base64.StdEncoding.DecodeString(encoded); err != nil {
			return apierror.BadRequest("RequestBodyRead", "Cannot convert the literal of the property 'contentBytes' to the expected type 'Edm.Binary'.")
		}
		if _, _, err := mime.ParseMediaType(a.ContentType); err != nil {
			a.ContentType = cmp.Or(mime.TypeByExtension(path.Ext(a.Name)), "application/octet-stream")
		}
		m.Attachments = append(m.Attachments, a)
	}
	return nil
}

package mail

import (
	"net/http"

	"m365mcp/simulator/graph/apierror"
	"m365mcp/simulator/graph/exchange"
	"m365mcp/simulator/graph/service"
	"m365mcp/simulator/graph/wire"
)

// created answers with the message as it is now.
func (c *call) created(status int, m *exchange.Message) *service.Answer {
	value := wire.Renderer{Base: c.BaseURL, Names: wire.MessageProperties, Prefer: c.Prefer, Basic: c.basicOnly()}.Message(m)
	value["@odata.context"] = c.OwnerContext("/messages") + "/$entity"
	return &service.Answer{Status: status, Value: value, Preferences: true}
}

// createDraft puts a draft into Drafts, or into the folder of the path.
func (c *call) createDraft() (*service.Answer, error) {
	m, err := wire.ReadMessage(c.Body)
	if err != nil {
		return nil, err
	}
	folder := "drafts"
	if name, ok := c.Params["mailFolder-id"]; ok {
		f, err := c.box.Folder(name)
		if err != nil {
			return nil, err
		}
		folder = f.ID
	}
	return c.draft(folder, m)
}

func (c *call) draft(folder string, m *exchange.Message) (*service.Answer, error) {
	placed, err := c.store.Draft(c.box, folder, m)
	if err != nil {
		return nil, err
	}
	return c.created(http.StatusCreated, placed), nil
}

// updateMessage changes the state of a message, and the content of a draft.
func (c *call) updateMessage() (*service.Answer, error) {
	m, err := c.message()
	if err != nil {
		return nil, err
	}
	if err := c.checkETag(m); err != nil {
		return nil, err
	}
	o, err := wire.ReadMessageObject(c.Body)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"subject", "body", "toRecipients", "ccRecipients", "bccRecipients", "replyTo", "from", "sender"} {
		if !m.Draft && o.Has(name) {
			return nil, apierror.BadRequest("ErrorInvalidPropertySet", "The property '%s' can only be set on a draft.", name)
		}
	}
	changed := *m
	if err := wire.ReadState(o, &changed); err != nil {
		return nil, err
	}
	if err := wire.ReadContent(o, &changed); err != nil {
		return nil, err
	}
	c.box.Update(m, changed, c.Now)
	return c.created(http.StatusOK, m), nil
}

// checkETag honours If-Match (RFC 9110 section 13.1.1).
func (c *call) checkETag(m *exchange.Message) error {
	want := c.Request.Header.Get("If-Match")
	if want == "" || want == "*" || want == m.ETag() {
		return nil
	}
	return &apierror.Error{Status: http.StatusPreconditionFailed, Code: "ErrorIrresolvableConflict", Message: "The send or update operation could not be performed because the change key passed in the request does not match the current change key for the item."}
}

// deleteMessage moves to Deleted Items, or removes what is there already.
func (c *call) deleteMessage() (*service.Answer, error) {
	m, err := c.message()
	if err != nil {
		return nil, err
	}
	if err := c.checkETag(m); err != nil {
		return nil, err
	}
	bin, err := c.box.Folder("deleteditems")
	if err != nil || bin.ID == m.FolderID {
		c.box.Remove(m)
	} else if _, err := c.store.Move(c.box, m, bin.ID); err != nil {
		return nil, err
	}
	return &service.Answer{Status: http.StatusNoContent}, nil
}

// destination reads the parameter of move and copy.
func (c *call) destination(action string) (string, error) {
	o, err := wire.ReadAction(c.Body, action, "destinationId")
	if err != nil {
		return "", err
	}
	var name string
	if err := wire.Read(o, "destinationId", &name); err != nil {
		return "", err
	}
	if name == "" {
		return "", apierror.BadRequest("ErrorInvalidParameter", "The required parameter 'DestinationId' is missing.")
	}
	folder, err := c.box.Folder(name)
	return folder.ID, err
}

func (c *call) moveMessage() (*service.Answer, error) { return c.transfer("move", c.store.Move) }

func (c *call) copyMessage() (*service.Answer, error) { return c.transfer("copy", c.store.Copy) }

func (c *call) transfer(action string, do func(*exchange.Mailbox, *exchange.Message, string) (*exchange.Message, error)) (*service.Answer, error) {
	folder, err := c.destination(action)
	if err != nil {
		return nil, err
	}
	m, err := c.message()
	if err != nil {
		return nil, err
	}
	placed, err := do(c.box, m, folder)
	if err != nil {
		return nil, err
	}
	return c.created(http.StatusCreated, placed), nil
}

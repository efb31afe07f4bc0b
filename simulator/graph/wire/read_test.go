package wire

import "testing"

func FuzzReadMessage(f *testing.F) {
	f.Add([]byte(`{"subject":"x","toRecipients":[{"emailAddress":{"address":"a@b.example"}}],"attachments":[{"@odata.type":"#microsoft.graph.fileAttachment","name":"a"}]}`))
	f.Add([]byte(`{"body":{"contentType":"html","content":"<p>"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := ReadMessage(raw)
		if err == nil {
			if _, err := m.MIME(); err != nil {
				t.Errorf("cannot be written as MIME: %v", err)
			}
		}
	})
}

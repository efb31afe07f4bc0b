package document_test

import (
	"errors"
	"path"
	"strings"
	"testing"
	"time"
	"unicode"

	"m365mcp/content/document"
	"m365mcp/simulator/dataset"
)

// What the people of the simulated tenant send each other is made by another
// hand than documenttest.
func TestAttachmentsOfTheSimulatedTenant(t *testing.T) {
	t.Parallel()
	tenant := dataset.Load(time.Date(2026, 3, 9, 9, 0, 0, 0, time.UTC))
	x := extractor(t, document.Limits{})
	read := make(map[string]int)
	for _, mailbox := range tenant.Mailbox {
		for _, message := range mailbox.Messages {
			for _, a := range message.Attachments {
				if a.Item != nil {
					continue
				}
				doc, err := x.Extract(t.Context(), a.Name, a.ContentType, a.Content)
				switch ext := path.Ext(a.Name); {
				case ext == ".png":
					if !errors.Is(err, document.ErrUnsupported) {
						t.Errorf("%s: %v", a.Name, err)
					}
				case err != nil || len(doc.Notes) > 0:
					t.Errorf("%s: %v, %q", a.Name, err, doc.Notes)
				case !strings.ContainsFunc(strings.ReplaceAll(doc.Text, "## Page 1", ""), unicode.IsLetter):
					t.Errorf("%s has no words: %q", a.Name, doc.Text)
				default:
					read[ext]++
				}
			}
		}
	}
	for _, ext := range []string{".pdf", ".docx", ".xlsx", ".csv"} {
		if read[ext] == 0 {
			t.Errorf("no %s among the attachments", ext)
		}
	}
}

package teams_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestSendReplyUpdateReact(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada, path := r.as("ada", everything), r.channel(t, "Operations & Logistics", "General")+"/messages"
	sent := r.Do(t, ada, "POST", path, `{"subject":"Keys","importance":"high","body":{"contentType":"html","content":"<p onclick=\"x()\">Hi <at id=\"0\">Bruno</at><script>alert(1)</script></p>"},
		"mentions":[{"id":0,"mentionText":"Bruno","mentioned":{"user":{"id":"`+r.id("bruno")+`","displayName":"Bruno","userIdentityType":"aadUser"}}}]}`)
	if sent.Status != http.StatusCreated || sent.Text("importance") != "high" {
		t.Fatalf("%d %s", sent.Status, sent.Body)
	}
	if body, _ := sent.JSON["body"].(map[string]any); body["content"] != `<p>Hi <at id="0">Bruno</at></p>` {
		t.Errorf("body: %v", body)
	}
	one := path + "/" + sent.Text("id")
	reply := r.Do(t, r.as("bruno", everything), "POST", one+"/replies", `{"body":{"content":"Thanks"}}`)
	if reply.Status != http.StatusCreated || reply.Text("replyToId") != sent.Text("id") {
		t.Errorf("reply: %s", reply.Body)
	}
	r.Do(t, r.as("bruno", everything), "PATCH", one, `{"body":{"content":"not mine"}}`).WantError(t, 403, "Forbidden")
	r.now = r.now.Add(time.Minute)
	if got := r.Do(t, ada, "PATCH", one, `{"body":{"content":"Changed"}}`); got.Status != http.StatusNoContent {
		t.Errorf("update: %d %s", got.Status, got.Body)
	}
	r.Do(t, r.as("bruno", everything), "POST", one+"/setReaction", `{"reactionType":"❤️"}`)
	now := r.Do(t, ada, "GET", one, "")
	reactions, _ := now.JSON["reactions"].([]any)
	if now.JSON["lastEditedDateTime"] == nil || now.Text("etag") == sent.Text("etag") || len(reactions) != 1 || !strings.Contains(string(now.Body), "Changed") {
		t.Errorf("after the update: %s", now.Body)
	}
	r.Do(t, r.as("bruno", everything), "POST", one+"/unsetReaction", `{"reactionType":"❤️"}`)
	r.Do(t, ada, "POST", one+"/softDelete", "")
	if got := r.Do(t, ada, "GET", one, ""); got.JSON["deletedDateTime"] == nil || strings.Contains(string(got.Body), "Changed") {
		t.Errorf("deleted: %s", got.Body)
	}
	r.Do(t, ada, "POST", one+"/undoSoftDelete", "")
	if got := r.Do(t, ada, "GET", one, ""); got.JSON["deletedDateTime"] != nil {
		t.Errorf("restored: %s", got.Body)
	}
}

func TestMessagesThatAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	path := r.channel(t, "Operations & Logistics", "General") + "/messages"
	mention := func(id int, who string) string {
		return fmt.Sprintf(`"mentions":[{"id":%d,"mentionText":"x","mentioned":{"user":{"id":"%s"}}}]`, id, who)
	}
	for name, c := range map[string]struct {
		body string
		code string
	}{
		"no JSON":              {`body`, "BadRequest"},
		"empty":                {`{}`, "BadRequest"},
		"blank":                {`{"body":{"content":"  "}}`, "BadRequest"},
		"unknown property":     {`{"body":{"content":"x"},"title":"x"}`, "RequestBodyRead"},
		"unknown type":         {`{"body":{"contentType":"markdown","content":"x"}}`, "BadRequest"},
		"unknown importance":   {`{"importance":"low","body":{"content":"x"}}`, "BadRequest"},
		"mark without entry":   {`{"body":{"contentType":"html","content":"<at id=\"0\">x</at>"}}`, "BadRequest"},
		"entry without mark":   {`{"body":{"contentType":"html","content":"x"},` + mention(0, r.id("bruno")) + `}`, "BadRequest"},
		"mention in text":      {`{"body":{"contentType":"text","content":"<at id=\"0\">x</at>"},` + mention(0, r.id("bruno")) + `}`, "BadRequest"},
		"mention of an UPN":    {`{"body":{"contentType":"html","content":"<at id=\"0\">x</at>"},` + mention(0, "bruno@tideline.example") + `}`, "BadRequest"},
		"hosted content":       {`{"body":{"content":"x"},"hostedContents":[]}`, "BadRequest"},
		"somebody else's name": {`{"body":{"content":"x"},"from":{"user":{"id":"x"}}}`, "BadRequest"},
		"attachment unmarked":  {`{"body":{"contentType":"html","content":"x"},"attachments":[{"id":"1","contentType":"reference"}]}`, "BadRequest"},
		"attachment unlisted":  {`{"body":{"contentType":"html","content":"<attachment id=\"1\"></attachment>"}}`, "BadRequest"},
		"no attachment type":   {`{"body":{"contentType":"html","content":"<attachment id=\"1\"></attachment>"},"attachments":[{"id":"1"}]}`, "BadRequest"},
	} {
		t.Run(name, func(t *testing.T) { r.Do(t, r.as("ada", everything), "POST", path, c.body).WantError(t, 400, c.code) })
	}
	r.Do(t, r.as("ada", everything), "POST", path, `{"body":{"content":"`+strings.Repeat("x", 29<<10)+`"}}`).WantError(t, 413, "RequestEntityTooLarge")
	r.Do(t, r.as("ada", "ChannelMessage.Read.All"), "POST", path, `{"body":{"content":"x"}}`).WantError(t, 403, "Authorization_RequestDenied")
	r.Do(t, r.as("ada", everything), "POST", path+"/1/replies", `{"body":{"content":"x"}}`).WantError(t, 404, "NotFound")
}

func TestFourPostsASecond(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ada, path := r.as("ada", everything), r.channel(t, "Operations & Logistics", "General")+"/messages"
	for range 4 {
		if got := r.Do(t, ada, "POST", path, `{"body":{"content":"x"}}`); got.Status != http.StatusCreated {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
	}
	fifth := r.Do(t, ada, "POST", path, `{"body":{"content":"x"}}`)
	fifth.WantError(t, 429, "TooManyRequests")
	if fifth.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After %q", fifth.Header.Get("Retry-After"))
	}
	other := r.channel(t, "Operations & Logistics", "Suppliers") + "/messages"
	if got := r.Do(t, ada, "POST", other, `{"body":{"content":"x"}}`); got.Status != http.StatusCreated {
		t.Errorf("another channel: %d", got.Status)
	}
	r.now = r.now.Add(time.Second)
	if got := r.Do(t, ada, "POST", path, `{"body":{"content":"x"}}`); got.Status != http.StatusCreated {
		t.Errorf("a second later: %d", got.Status)
	}
}

package kql_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"m365mcp/simulator/graph/kql"
)

var (
	now = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	doc = &kql.Document{
		From: []string{"Dana Ito", "dana.ito@contoso.example"}, To: []string{"Raj Patel", "raj@contoso.example"},
		CC: []string{"finance@contoso.example"}, Subject: "Re: Quarterly budget (final)",
		Body: "Please approve the travel budget before Friday.", Attachments: []string{"Budget-2026.xlsx"}, HasAttachments: true,
		Importance: "high", Size: 4096, Categories: []string{"Red"},
		Sent: time.Date(2026, 11, 20, 15, 4, 5, 0, time.UTC), Received: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC),
	}
)

func TestMatch(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]bool{
		"budget":                          true,
		"BUDGET":                          true,
		"budg":                            false,
		"budg*":                           true,
		"raj":                             false, // free text does not look at recipients
		"dana":                            true,
		"approve friday":                  true,
		"approve monday":                  false,
		"approve AND monday":              false,
		"approve OR monday":               true,
		"NOT monday":                      true,
		"budget NOT travel":               false,
		"budget -monday":                  true,
		"(monday OR friday) AND budget":   true,
		"monday OR friday budget":         true,
		"\"travel budget\"":               true,
		"\"budget travel\"":               false,
		"subject:budget":                  true,
		"subject:travel":                  false,
		"subject:\"quarterly budget\"":    true,
		"Subject:quarterly":               true,
		"body:travel":                     true,
		"from:dana":                       true,
		"from:dana.ito@contoso.example":   true,
		"from:\"Dana Ito\"":               true,
		"from:raj":                        false,
		"to:raj@contoso.example":          true,
		"cc:finance":                      true,
		"recipients:finance":              true,
		"participants:dana":               true,
		"bcc:finance":                     false,
		"attachment:xlsx":                 true,
		"category:red":                    true,
		"hasattachment:true":              true,
		"hasAttachments:false":            false,
		"hasattachments<>true":            false,
		"importance:high":                 true,
		"size>4000":                       true,
		"size<=4000":                      false,
		"received>=2026-11-21":            true,
		"received>2026-11-21":             false,
		"received<2026-11-21":             false,
		"received<=2026-11-21":            true,
		"received:2026-11-21":             true,
		"received=11/21/2026":             true,
		"received:2026-11-01..2026-11-21": true,
		"received:2026-11-01..2026-11-20": false,
		"received:yesterday":              true,
		"received:today":                  false,
		"received>=2026-11-20 received<2026-11-22": true,
		"sent:2026-11-20":                          true,
		"sent<>2026-11-20":                         false,
		"sent>=2026-11-20T15:04:05Z":               true,
		"sent>2026-11-20T15:04:05Z":                false,
		"received>=sometime":                       false,
		"kind:email":                               true,
		"and":                                      false, // a word: keywords are upper case
		"\"AND\"":                                  false,
		"re:quarterly":                             true, // no property of that name: words in a row
		"from:dana subject:budget OR subject:x":    true,
	} {
		q, err := kql.Parse(query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		if got := q.Match(doc, now); got != want {
			t.Errorf("%s = %v, want %v", query, got, want)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, query := range []string{
		"", " ", "\"open", "subject:\"open", "(budget", "budget)", "()", "budget OR", "OR budget", "AND", "NOT", "budget AND AND x",
		"subject:", "from: dana", strings.Repeat("(", 500) + "x" + strings.Repeat(")", 500), strings.Repeat("NOT ", 500) + "x",
	} {
		var syntax *kql.SyntaxError
		if _, err := kql.Parse(query); !errors.As(err, &syntax) {
			t.Errorf("%q: %v, want a syntax error", query, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"budget", "from:dana AND (x OR NOT \"y z\")", "received>=2026-01-01", "\"", "size>1", "a:b:c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		q, err := kql.Parse(text)
		if (q == nil) == (err == nil) {
			t.Fatalf("query %v, error %v", q, err)
		}
		if err == nil {
			q.Match(doc, now)
		}
	})
}

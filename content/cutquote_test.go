package content_test

import (
	"strings"
	"testing"

	"m365mcp/content"
)

// quotations is how mail programs begin one, in the languages they speak.
var quotations = map[string]string{
	"outlook en":  "From: Ada <ada@a.example>\nSent: Monday, 2 November 2026 08:25\nTo: Bruno\nSubject: Re: x\n\nold",
	"outlook md":  "---\n\n**From:** Ada\n**Date:** Monday\n**To:** Bruno; Carla;\nDalia\n**Subject:** x\n\nold",
	"outlook de":  "Von: Ada\nGesendet: Montag, 2. November 2026\nAn: Bruno\nCc: Carla\nBetreff: AW: x\n\nold",
	"outlook fr":  "De : Ada\nEnvoyé : lundi 2 novembre\nÀ : Bruno\nObjet : x\n\nold",
	"outlook es":  "De: Ada\nEnviado el: lunes\nPara: Bruno\nAsunto: x\n\nold",
	"outlook pt":  "De: Ada\nEnviada em: segunda\nPara: Bruno\nAssunto: x\n\nold",
	"outlook it":  "Da: Ada\nInviato: lunedì\nA: Bruno\nOggetto: x\n\nold",
	"outlook nl":  "Van: Ada\nVerzonden: maandag\nAan: Bruno\nOnderwerp: x\n\nold",
	"outlook pl":  "Od: Ada\nWysłano: poniedziałek\nDo: Bruno\nTemat: x\n\nold",
	"outlook ru":  "От: Ada\nОтправлено: понедельник\nКому: Bruno\nТема: x\n\nold",
	"outlook ja":  "差出人: Ada\n送信日時: 2026年11月2日 15:04\n宛先: Bruno\n件名: x\n\nold",
	"outlook zh":  "发件人：Ada\n发送时间：2026年11月2日\n收件人：Bruno\n主题：x\n\nold",
	"outlook ko":  "보낸 사람: Ada\n보낸 날짜: 2026\n받는 사람: Bruno\n제목: x\n\nold",
	"outlook ar":  "من: Ada\nتم الإرسال: 02/11/2026\nإلى: Bruno\nالموضوع: x\n\nold",
	"original":    "-----Original Message-----\nold",
	"original de": "-----Ursprüngliche Nachricht-----\nold",
	"original fr": "-----Message d’origine-----\nold",
	"original ja": "-----元のメッセージ-----\nold",
	"wrote en":    "On Mon, 2 Nov 2026 at 15:04, Ada <ada@a.example> wrote:\n> old",
	"wrapped":     "On Mon, 2 Nov 2026 at 15:04, Ada Lindqvist\n<ada@a.example> wrote:\n\n> old\n>\n> > older",
	"no angles":   "On 2 Nov 2026, at 15:04, Ada <ada@a.example> wrote:\n\nold",
	"wrote de":    "Am 02.11.2026 um 15:04 schrieb Ada <ada@a.example>:\n> old",
	"name first":  "Ada <ada@a.example> schrieb am Mo. 2. Nov. 2026 um 15:04:\n> old",
	"wrote fr":    "Le lun. 2 nov. 2026 à 15:04, Ada <ada@a.example> a écrit :\n> old",
	"wrote es":    "El lun, 2 nov 2026 a las 15:04, Ada (<ada@a.example>) escribió:\n> old",
	"wrote pt":    "Em seg., 2 de nov. de 2026 às 15:04, Ada <ada@a.example> escreveu:\n> old",
	"wrote it":    "Il giorno lun 2 nov 2026 alle ore 15:04 Ada <ada@a.example> ha scritto:\n> old",
	"wrote nl":    "Op ma 2 nov 2026 om 15:04 schreef Ada <ada@a.example>:\n> old",
	"wrote sv":    "Den mån 2 nov. 2026 kl 15:04 skrev Ada <ada@a.example>:\n> old",
	"wrote pl":    "W dniu pon., 2 lis 2026 o 15:04 Ada <ada@a.example> napisał(a):\n> old",
	"wrote ru":    "пн, 2 нояб. 2026 г. в 15:04, Ada <ada@a.example>:\n> old",
	"wrote ja":    "2026年11月2日(月) 15:04 Ada <ada@a.example>:\n> old",
	"mail ja":     "2026/11/02 15:04、Adaのメール:\n> old",
	"wrote zh":    "于2026年11月2日周一 15:04写道：\n> old",
	"wrote ko":    "2026년 11월 2일 (월) 오후 3:04, Ada 님이 작성:\n> old",
	"angles":      "> old\n>\n> > older",
}

func TestCutQuote(t *testing.T) {
	t.Parallel()
	const answer = "Dear Ada,\n\nfrom: me, to: you. I wrote:\nOn Monday 7 she wrote:\nnothing.\n\n-- \nBruno\nSales"
	for name, quotation := range quotations {
		for _, text := range []string{"Yes.", answer} {
			fresh, quoted := content.CutQuote(text + "\n\n" + quotation)
			if fresh != text || !strings.Contains(quoted, "old") && fresh == text {
				t.Errorf("%s: fresh %q, quoted %q", name, fresh, quoted)
			}
			if n := content.Messages(quoted); n != 1 {
				t.Errorf("%s: %d messages", name, n)
			}
		}
		if fresh, quoted := content.CutQuote(quotation); fresh != quotation || quoted != "" {
			t.Errorf("%s alone: fresh %q, quoted %q", name, fresh, quoted)
		}
	}
}

func TestCutQuoteKeeps(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"",
		"plain",
		"> q1\n\na1\n\n> q2\n\na2",
		"On Mon, 2 Nov 2026, Ada <ada@a.example> wrote:\n> q1\n\na1\n\n> q2\n\na2",
		"From: Lisbon\nwe travel on.\nTo: Porto.\nDate: tomorrow.",
		"fyi\n\n---------- Forwarded message ---------\nnews",
		"On 2 November he wrote:\nand then\nnothing",
		"| a | b |\n|---|---|\n| > | c |",
	} {
		if fresh, quoted := content.CutQuote(text); fresh != text || quoted != "" {
			t.Errorf("%q: fresh %q, quoted %q", text, fresh, quoted)
		}
	}
	fresh, quoted := content.CutQuote("a\n> q\n\nb\n\n> last")
	if fresh != "a\n> q\n\nb" || quoted != "> last" {
		t.Errorf("fresh %q, quoted %q", fresh, quoted)
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	three := quotations["outlook en"] + "\n\n" + quotations["outlook de"] + "\n\n" + quotations["wrapped"]
	if n := content.Messages(three); n != 3 {
		t.Errorf("%d messages", n)
	}
	if n := content.Messages(" \n"); n != 0 {
		t.Errorf("%d messages in nothing", n)
	}
}

func FuzzCutQuote(f *testing.F) {
	for _, q := range quotations {
		f.Add("new\n\n" + q)
	}
	f.Fuzz(func(t *testing.T, text string) {
		fresh, quoted := content.CutQuote(text)
		if strings.TrimSpace(fresh) == "" && strings.TrimSpace(text) != "" {
			t.Errorf("nothing is left of %q", text)
		}
		if letters(fresh)+letters(quoted) > letters(text) || letters(text) != letters(fresh)+letters(quoted) {
			t.Errorf("%q became %q and %q", text, fresh, quoted)
		}
		if n := content.Messages(quoted); (n == 0) != (strings.TrimSpace(quoted) == "") {
			t.Errorf("%d messages in %q", n, quoted)
		}
	})
}

func letters(s string) int { return len(strings.NewReplacer(" ", "", "\n", "").Replace(s)) }

package content

import (
	"regexp"
	"slices"
	"strings"
)

// CutQuote separates what somebody wrote now from the earlier messages below it,
// in plain text or Markdown, by the lines that mail programs write in the
// languages they speak. Signatures stay. A quotation between answers stays, and
// so does a message that is nothing but a quotation.
func CutQuote(text string) (fresh, quoted string) {
	lines := strings.Split(text, "\n")
	tail := quoteTail(lines)
	cut := len(lines)
	for i := range lines {
		if startsQuote(lines, i, tail) {
			cut = i
			break
		}
	}
	if cut == len(lines) {
		cut = tail
	}
	for cut > 0 && isRule(lines[cut-1]) {
		cut--
	}
	fresh = strings.TrimRight(strings.Join(lines[:cut], "\n"), " \n")
	quoted = strings.Trim(strings.Join(lines[cut:], "\n"), "\n")
	if strings.TrimSpace(fresh) == "" {
		return text, ""
	}
	return fresh, quoted
}

// Messages counts the messages in what CutQuote or Markdown cut off.
func Messages(quoted string) int {
	if strings.TrimSpace(quoted) == "" {
		return 0
	}
	lines := strings.Split(quoted, "\n")
	for i := range lines {
		lines[i] = strings.TrimLeft(lines[i], "> ")
	}
	n := 0
	for i := range lines {
		if headerBlock(lines, i) || attributes(lines, i) > 0 {
			n++
		}
	}
	return max(1, n)
}

// quoteTail is where the run of "> " lines begins that text ends with.
func quoteTail(lines []string) int {
	tail := len(lines)
	for i, line := range slices.Backward(lines) {
		switch {
		case strings.HasPrefix(line, ">"):
			tail = i
		case strings.TrimSpace(line) != "":
			return tail
		}
	}
	return tail
}

// startsQuote says that everything from line i on is an earlier message.
func startsQuote(lines []string, i, tail int) bool {
	if separator.MatchString(unmarked(lines[i])) || headerBlock(lines, i) {
		return true
	}
	n := attributes(lines, i)
	if n == 0 {
		return false
	}
	next := i + n
	for next < len(lines) && strings.TrimSpace(lines[next]) == "" {
		next++
	}
	switch {
	case next == len(lines) || next >= tail:
		return true
	case strings.HasPrefix(lines[next], ">"): // answers follow between the quotations
		return false
	}
	return strings.Contains(strings.Join(lines[i:i+n], " "), "@")
}

// unmarked is a line without emphasis and escapes.
func unmarked(line string) string { return strings.TrimSpace(marks.Replace(line)) }

var marks = strings.NewReplacer("*", "", `\`, "", "\u00a0", " ")

func isRule(line string) bool {
	line = strings.TrimSpace(line)
	return line == "" || len(line) >= 3 && strings.Trim(line, "_-*= ") == ""
}

// separator is what stands alone above an earlier message.
var separator = regexp.MustCompile(`(?i)^[-_=]{2,} ?(original message|original appointment|urspr(ü|ue)ngliche nachricht|originalnachricht|` +
	`message d['’]origine|message original|mensagem original|mensaje original|messaggio originale|oorspronkelijk bericht|` +
	`ursprungligt meddelande|oprindelig meddelelse|opprinnelig melding|alkuperäinen viesti|oryginalna wiadomość|` +
	`původní zpráva|исходное сообщение|元のメッセージ|原始邮件|原始郵件|원본 메시지|الرسالة الأصلية) ?[-_=]{2,}$`)

// forwardLine stands above a message that is passed on.
var forwardLine = regexp.MustCompile(`(?i)^(-{2,} ?(forwarded message|weitergeleitete nachricht|message transféré|mensaje reenviado|mensagem encaminhada|` +
	`messaggio inoltrato|doorgestuurd bericht|転送されたメッセージ|forwarded by)|begin forwarded message)`)

// A header is one of the four lines by which Outlook introduces what it quotes.
const (
	headerFrom = iota + 1
	headerDate
	headerTo
	headerSubject
	headerOther
)

var headers = headerNames(map[int]string{
	headerFrom: "from|von|de|da|van|från|fra|lähettäjä|od|от|von|kimden|差出人|送信者|发件人|寄件者|보낸 사람|من",
	headerDate: "sent|date|gesendet|datum|envoyé|envoyé le|enviado|enviado el|enviada em|enviada|enviado em|data|fecha|inviato|verzonden|" +
		"skickat|sendt|lähetetty|wysłano|odesláno|отправлено|дата|gönderildi|送信日時|日付|发送时间|日期|寄件日期|보낸 날짜|날짜|تم الإرسال|تاريخ الإرسال|التاريخ",
	headerTo:      "to|an|à|a|para|aan|till|til|vastaanottaja|do|komu|кому|kime|宛先|收件人|받는 사람|إلى",
	headerSubject: "subject|betreff|objet|asunto|assunto|oggetto|onderwerp|ämne|emne|aihe|temat|předmět|тема|konu|件名|主题|主旨|제목|الموضوع",
	headerOther:   "cc|bcc|kopie|kopia|copie|copia|importance|wichtigkeit|priority|attachments|anlagen|reply-to|抄送|副本|نسخة|参照",
})

func headerNames(kinds map[int]string) map[string]int {
	names := make(map[string]int)
	for kind, list := range kinds {
		for name := range strings.SplitSeq(list, "|") {
			names[name] = kind
		}
	}
	return names
}

// headerOf is the kind of header that a line is, or 0.
func headerOf(line string) int {
	const longest = 48 // bytes of the longest name, emphasis and colon
	head := line[:min(len(line), longest)]
	end := strings.IndexAny(head, ":：")
	if end < 0 {
		return 0
	}
	return headers[strings.ToLower(unmarked(head[:end]))]
}

// headerBlock: a sender, and two of date, recipients and subject within the next lines.
func headerBlock(lines []string, i int) bool {
	if headerOf(lines[i]) != headerFrom {
		return false
	}
	var found [headerOther + 1]bool
	strange := 0
	for _, line := range lines[i+1 : min(len(lines), i+12)] {
		switch kind := headerOf(line); {
		case kind > headerFrom:
			found[kind] = true
		case strings.TrimSpace(line) != "":
			if strange++; strange > 1 { // one line may be the rest of a long list
				return false
			}
		}
		n := 0
		for _, kind := range []int{headerDate, headerTo, headerSubject} {
			if found[kind] {
				n++
			}
		}
		if n >= 2 {
			return true
		}
	}
	return false
}

// attribution is the line "On DATE, NAME wrote:". It counts no characters: attributes
// bounds the line, and each counted repetition is hundreds of states to follow.
var attribution = regexp.MustCompile(`(?i)^(` +
	`on .+ wrote|(am|den) .+ schrieb.*|.+ schrieb am .+|le .+ a écrit|` +
	`el .+ escribió|(em|no dia|a) .+ escreveu|(il|in data|il giorno) .+ ha scritto|` +
	`op .+ (schreef|heeft).*|den .+ skrev.*|.+ kirjoitti|` +
	`(w dniu|dnia) .+ (pisze|napisał|napisała|napisał\(a\))|(dne|po) .+ napsala?\(?a?\)?|` +
	`.+ (пишет|написала?|написал\(а\))|.+ tarihinde .+ yazdı|` +
	`.+(のメール|さんは書きました|が書きました|さんのメッセージ)|[于在] ?.+(写道|寫道)|.+님이 작성|.+ كتب.*|` +
	`.*\d{4}.*\d:\d\d.+[<(][^ @]+@[^ @]+[>)]) ?[:：]$`)

// attributes is how many lines, up to three, an attribution has that begins at i; or 0.
func attributes(lines []string, i int) int {
	const longest = 600
	joined := ""
	for n := 1; n <= 3 && i+n <= len(lines); n++ {
		line := unmarked(lines[i+n-1])
		if line == "" || len(joined)+len(line) > longest {
			return 0
		}
		joined = strings.TrimSpace(joined + " " + line)
		if !strings.HasSuffix(joined, ":") && !strings.HasSuffix(joined, "：") {
			continue
		}
		if len(joined) > 3 && strings.ContainsAny(joined, "0123456789") && attribution.MatchString(joined) {
			return n
		}
		return 0
	}
	return 0
}

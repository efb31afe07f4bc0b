package dataset

import "strconv"

// domain ends in a label that RFC 2606 reserves: no mail can ever leave for it.
const domain = "tideline.example"

// people returns the company's members; the first is the default persona.
func people() []Person {
	staff := []Person{
		{
			GivenName: "Ada", Surname: "Lindqvist", JobTitle: "Head of Operations", Department: "Operations & Logistics",
			OfficeLocation: "Hamburg / 3.12", PreferredLanguage: "en-GB", TimeZone: "W. Europe Standard Time",
		},
		{
			GivenName: "Bruno", Surname: "Carvalho", JobTitle: "Sales Lead EMEA", Department: "Sales",
			OfficeLocation: "Lisbon / 1.04", PreferredLanguage: "pt-PT", TimeZone: "GMT Standard Time",
		},
		{
			GivenName: "Chen", Surname: "Yufei", JobTitle: "Senior Firmware Developer", Department: "Engineering",
			OfficeLocation: "Singapore / Remote", PreferredLanguage: "en-SG", TimeZone: "Singapore Standard Time",
		},
		{
			GivenName: "Dalia", Surname: "Haddad", JobTitle: "Information Security Officer", Department: "Security & Compliance",
			OfficeLocation: "Cairo / Remote", PreferredLanguage: "ar-EG", TimeZone: "Egypt Standard Time",
		},
		{
			GivenName: "Emeka", Surname: "Okafor", JobTitle: "Finance Director", Department: "Finance",
			OfficeLocation: "Hamburg / 3.02", PreferredLanguage: "en-GB", TimeZone: "W. Europe Standard Time",
		},
		{
			GivenName: "Freya", Surname: "Brandt", JobTitle: "Chief Executive Officer", Department: "Executive",
			OfficeLocation: "Hamburg / 4.01", PreferredLanguage: "de-DE", TimeZone: "W. Europe Standard Time",
		},
		{
			GivenName: "Gauri", Surname: "Deshpande", JobTitle: "Executive Assistant", Department: "Executive",
			OfficeLocation: "Pune / Remote", PreferredLanguage: "en-IN", TimeZone: "India Standard Time",
		},
		{
			GivenName: "Hiroko", Surname: "Tanabe", JobTitle: "People Partner", Department: "Human Resources",
			OfficeLocation: "Osaka / 2F", PreferredLanguage: "ja-JP", TimeZone: "Tokyo Standard Time",
		},
	}
	locals := []string{"ada", "bruno", "chen", "dalia", "emeka", "freya", "gauri", "hiroko"}
	// Numbers of the ranges that regulators keep for fiction and tests.
	mobiles := []string{
		"+44 7700 900101", "+44 7700 900102", "+44 7700 900103", "+44 7700 900104",
		"+44 7700 900105", "+44 7700 900106", "+44 7700 900107", "+44 7700 900108",
	}
	for i := range staff {
		p := &staff[i]
		p.ID = objectID("user", locals[i])
		p.UPN = locals[i] + "@" + domain
		p.Mail = p.UPN
		p.DisplayName = p.GivenName + " " + p.Surname
		p.MobilePhone = mobiles[i]
		p.BusinessPhones = []string{"+44 20 7946 09" + strconv.Itoa(i+1) + "0"}
	}
	staff[2].DisplayName = "Chen Yufei (陈雨霏)"
	staff[7].DisplayName = "Hiroko Tanabe / 田辺 裕子"
	return staff
}

// wellKnown are the folders of every mailbox, in Graph's names.
var wellKnown = []string{"inbox", "drafts", "sentitems", "deleteditems", "archive", "junkemail", "outbox"}

// folderNames are display names by language: they are not the well-known
// names, and a program that addresses folders by what it reads here fails.
var folderNames = map[string][]string{
	"en": {"Inbox", "Drafts", "Sent Items", "Deleted Items", "Archive", "Junk Email", "Outbox"},
	"de": {"Posteingang", "Entwürfe", "Gesendete Elemente", "Gelöschte Elemente", "Archiv", "Junk-E-Mail", "Postausgang"},
	"pt": {"A Receber", "Rascunhos", "Itens Enviados", "Itens Eliminados", "Arquivo", "E-mail de Lixo", "A Enviar"},
	"ja": {"受信トレイ", "下書き", "送信済みアイテム", "削除済みアイテム", "アーカイブ", "迷惑メール", "送信トレイ"},
	"ar": {"علبة الوارد", "مسودات", "العناصر المرسلة", "العناصر المحذوفة", "الأرشيف", "البريد الإلكتروني غير الهام", "صندوق الصادر"},
}

// ownFolder is a folder that a person made; parent names another one before it,
// or a well-known folder, or is empty.
type ownFolder struct{ name, parent string }

var ownFolders = map[string][]ownFolder{
	"ada": {
		{"Kunden/Projekte & Co.", ""},
		{"Projects", "inbox"},
		{"Pelago 2", "Projects"},
		{"Test reports", "Pelago 2"},
		{"Lieferanten", ""},
		{"Newsletters", ""},
		{"Receipts 100% (old)", "archive"},
	},
	"bruno":  {{"Clientes", ""}, {"Bretanha", "Clientes"}, {"CRM", "inbox"}},
	"chen":   {{"Builds", "inbox"}, {"Pelago", ""}},
	"dalia":  {{"Audit", ""}, {"Evidence", "Audit"}, {"Reported mail", "inbox"}},
	"emeka":  {{"Invoices", "inbox"}, {"Board", ""}},
	"freya":  {{"Aufsichtsrat", ""}, {"Presse", "inbox"}},
	"gauri":  {{"Travel", ""}, {"Offsite", ""}},
	"hiroko": {{"採用 / Recruiting", ""}, {"Candidates", "採用 / Recruiting"}},
}

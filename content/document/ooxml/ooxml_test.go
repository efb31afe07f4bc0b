package ooxml_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"m365mcp/content/document/documenttest"
	"m365mcp/content/document/limit"
	"m365mcp/content/document/ooxml"
)

func run(text string) string { return "<w:r><w:t>" + text + "</w:t></w:r>" }

func styled(style, text string) string {
	return `<w:p><w:pPr><w:pStyle w:val="` + style + `"/></w:pPr>` + run(text) + `</w:p>`
}

func item(list, level, text string) string {
	return `<w:p><w:pPr><w:numPr><w:ilvl w:val="` + level + `"/><w:numId w:val="` + list + `"/></w:numPr></w:pPr>` + run(text) + `</w:p>`
}

var wordParts = []documenttest.Part{
	documenttest.Relations("word/document.xml", "s styles styles.xml", "n numbering /word/numbering.xml", "f footnotes footnotes.xml",
		"e endnotes endnotes.xml", "c comments comments.xml", "h hyperlink https://a.example/p?q=1 External", "j hyperlink javascript:alert(1) External",
		"g hyperlink missing.xml", "o oleObject embeddings/o.bin"),
	{Name: "word/styles.xml", Body: documenttest.Word("styles",
		`<w:style w:styleId="H2"><w:name w:val="heading 2"/></w:style><w:style w:styleId="Mine"><w:basedOn w:val="H2"/></w:style>`+
			`<w:style w:styleId="T"><w:name w:val="Title"/></w:style>`+
			`<w:style w:styleId="Out"><w:pPr><w:outlineLvl w:val="2"/></w:pPr></w:style>`+
			`<w:style w:styleId="Ghost"><w:rPr><w:vanish/></w:rPr></w:style>`+
			`<w:style w:styleId="X"><w:basedOn w:val="Y"/></w:style><w:style w:styleId="Y"><w:basedOn w:val="X"/></w:style>`)},
	{Name: "word/numbering.xml", Body: documenttest.Word("numbering",
		`<w:abstractNum w:abstractNumId="7"><w:lvl w:ilvl="0"><w:numFmt w:val="decimal"/></w:lvl><w:lvl w:ilvl="1"><w:numFmt w:val="lowerLetter"/></w:lvl></w:abstractNum>`+
			`<w:abstractNum w:abstractNumId="8"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/></w:lvl></w:abstractNum>`+
			`<w:num w:numId="1"><w:abstractNumId w:val="7"/></w:num><w:num w:numId="2"><w:abstractNumId w:val="8"/></w:num>`)},
	{Name: "word/footnotes.xml", Body: documenttest.Word("footnotes",
		`<w:footnote w:type="separator" w:id="-1">`+documenttest.Paragraph("line")+`</w:footnote><w:footnote w:id="2">`+
			`<w:p>`+run("the note ")+`<w:r><w:footnoteReference w:id="2"/></w:r></w:p></w:footnote>`)},
	{Name: "word/endnotes.xml", Body: documenttest.Word("endnotes", `<w:endnote w:id="1">`+documenttest.Paragraph("the end")+`</w:endnote>`)},
	{Name: "word/comments.xml", Body: documenttest.Word("comments", `<w:comment>`+documenttest.Paragraph("a comment")+`</w:comment>`)},
}

func TestDocx(t *testing.T) {
	t.Parallel()
	const left = "Comments are left out."
	for name, c := range map[string]struct {
		body, want string
		notes      []string
	}{
		"paragraphs": {documenttest.Paragraph("one") + "<w:p/>" + `<w:p>` + run("a") + `<w:r><w:tab/><w:t>b</w:t><w:br/><w:t xml:space="preserve"> c</w:t></w:r></w:p>`, "one\n\na b\n c", nil},
		"headings":   {styled("T", "A") + styled("H2", "B") + styled("Mine", "C") + styled("Out", "D") + styled("X", "E"), "# A\n\n## B\n\n## C\n\n### D\n\nE", nil},
		"lists": {
			item("1", "0", "a") + item("1", "1", "b") + item("1", "1", "c") + item("1", "0", "d") + item("1", "1", "e") + item("2", "0", "f"),
			"1. a\n  1. b\n  2. c\n2. d\n  1. e\n- f", nil,
		},
		"hidden": {`<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:t>x</w:t></w:r><w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>y</w:t></w:r>` +
			`<w:r><w:rPr><w:rStyle w:val="Ghost"/></w:rPr><w:t>z</w:t></w:r></w:p>` + styled("Ghost", "w"), "y", []string{"Hidden text is left out: 3 places."}},
		"changes": {
			`<w:p><w:del><w:r><w:delText>old</w:delText></w:r></w:del><w:ins>` + run("new") + `</w:ins><w:moveFrom>` + run("gone") + `</w:moveFrom></w:p>`, "new",
			[]string{"Tracked deletions are left out: 2."},
		},
		"fields":  {`<w:p><w:r><w:instrText>INCLUDETEXT "http://evil.example"</w:instrText></w:r>` + run("result") + `</w:p>`, "result", nil},
		"notes":   {`<w:p>` + run("a") + `<w:r><w:footnoteReference w:id="2"/></w:r><w:r><w:endnoteReference w:id="1"/></w:r></w:p>`, "a[^2][^e1]", nil},
		"links":   {`<w:p><w:hyperlink r:id="h">` + run("here") + `</w:hyperlink> <w:hyperlink r:id="j">` + run("there") + `</w:hyperlink><w:hyperlink r:id="g">` + run("!") + `</w:hyperlink></w:p>`, "[here](https://a.example/p?q=1)there!", nil},
		"table":   {`<w:tbl><w:tr><w:tc>` + documenttest.Paragraph("a|b") + documenttest.Paragraph("c") + `</w:tc><w:tc>` + documenttest.Paragraph("d") + `</w:tc></w:tr><w:tr><w:tc><w:p/></w:tc><w:tc><w:tbl><w:tr><w:tc>` + documenttest.Paragraph("in") + `</w:tc></w:tr></w:tbl><w:p/></w:tc></w:tr></w:tbl>`, "| a\\|b c | d |\n|---|---|\n|  | in; |", nil},
		"textbox": {`<w:p>` + run("out") + `<w:r><mc:AlternateContent><mc:Choice><w:txbxContent>` + documenttest.Paragraph("box") + `</w:txbxContent></mc:Choice><mc:Fallback>` + documenttest.Paragraph("box") + `</mc:Fallback></mc:AlternateContent></w:r></w:p>`, "out\nbox", nil},
		"strays":  {`</w:body><w:tr><w:tc/></w:tr><w:body><w:pPr/>` + documenttest.Paragraph("x"), "x", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := limit.NewMeter(limit.Limits{})
			out := limit.NewText(m)
			a, err := ooxml.Open(documenttest.Docx(c.body, wordParts...), m)
			if err == nil {
				err = ooxml.Docx(t.Context(), a, out)
			}
			if err != nil {
				t.Fatal(err)
			}
			want := c.want + "\n\n[^2]: the note [^2]\n\n[^e1]: the end"
			if diff := cmp.Diff(want, out.String()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(append([]string{left}, c.notes...), m.Notes); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPptx(t *testing.T) {
	t.Parallel()
	const cell = `<a:tc><a:txBody><a:p><a:r><a:t>`
	slides := []string{
		documenttest.Slide("sld", "", documenttest.Shape("ctrTitle", "The", "Plan")+documenttest.Shape("", "first", "\tsecond", "\t\tthird")+documenttest.Shape("sldNum", "1")),
		documenttest.Slide("sld", ` show="0"`, documenttest.Shape("body", "spare")+
			strings.Replace(documenttest.Shape("body", "ghost"), `name="x"`, `name="x" hidden="1"`, 1)+
			`<p:graphicFrame><a:tbl><a:tr>`+cell+`k</a:t></a:r></a:p></a:txBody></a:tc>`+cell+`v</a:t></a:r></a:p></a:txBody></a:tc></a:tr></a:tbl></p:graphicFrame>`),
	}
	data := documenttest.Pptx(slides,
		documenttest.Relations("ppt/slides/slide1.xml", "n notesSlide ../notesSlides/n1.xml", "l slideLayout ../../../../etc/passwd"),
		documenttest.Part{Name: "ppt/notesSlides/n1.xml", Body: documenttest.Slide("notes", "", documenttest.Shape("sldImg")+documenttest.Shape("body", "Say hello")+documenttest.Shape("sldNum", "1"))},
		documenttest.Relations("ppt/notesSlides/n1.xml", "s slide ../slides/slide1.xml"),
	)
	m := limit.NewMeter(limit.Limits{})
	out := limit.NewText(m)
	a, err := ooxml.Open(data, m)
	if err == nil {
		err = ooxml.Pptx(t.Context(), a, out)
	}
	if err != nil {
		t.Fatal(err)
	}
	const want = "## Slide 1: The Plan\n\nfirst\n- second\n  - third\n\nNotes: Say hello\n\n## Slide 2 (hidden)\n\nspare\n\n| k | v |\n|---|---|"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Text of hidden shapes is left out."}, m.Notes); diff != "" {
		t.Error(diff)
	}
}

func FuzzDocx(f *testing.F) {
	f.Add(documenttest.Word("document", "<w:body>"+documenttest.Paragraph("a")+item("1", "0", "b")+"</w:body>"))
	f.Add(documenttest.Word("document", "<w:tbl><w:tr><w:tc><w:tbl></w:tbl></w:tc></w:tr></w:tbl><w:hyperlink r:id=\"h\"/>"))
	f.Fuzz(func(t *testing.T, xml string) {
		parse(t, ooxml.Docx, documenttest.Zip(append(wordParts, documenttest.Relations("", "r officeDocument word/document.xml"),
			documenttest.Part{Name: "word/document.xml", Body: xml})...))
	})
}

func FuzzPptx(f *testing.F) {
	f.Add(documenttest.Slide("sld", "", documenttest.Shape("title", "a", "\tb")))
	f.Fuzz(func(t *testing.T, xml string) { parse(t, ooxml.Pptx, documenttest.Pptx([]string{xml})) })
}

func FuzzOpen(f *testing.F) {
	f.Add(documenttest.Docx(documenttest.Paragraph("a")))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := ooxml.Open(data, limit.NewMeter(limit.Limits{}))
		if err == nil {
			err = a.Check(t.Context())
		}
		known(t, err)
	})
}

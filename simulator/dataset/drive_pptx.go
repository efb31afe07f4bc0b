package dataset

import (
	"fmt"
	"strings"
)

const (
	drawingNS      = "http://schemas.openxmlformats.org/drawingml/2006/main"
	presentationNS = "http://schemas.openxmlformats.org/presentationml/2006/main"
	presentationML = "application/vnd.openxmlformats-officedocument.presentationml."
	slideNames     = ` xmlns:a="` + drawingNS + `" xmlns:r="` + officeNS + `" xmlns:p="` + presentationNS + `"`
	emptyTree      = `<p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/>`
)

// pptx makes a presentation: a slide for each block of lines, the first of
// which is its title (ECMA-376 part 1, §13: a master, a layout and a theme are
// the least that PowerPoint opens).
func pptx(text string) ([]byte, error) {
	slides := strings.Split(strings.TrimSpace(text), "\n\n")
	types := []override{
		{"/ppt/presentation.xml", presentationML + "presentation.main+xml"},
		{"/ppt/slideMasters/slideMaster1.xml", presentationML + "slideMaster+xml"},
		{"/ppt/slideLayouts/slideLayout1.xml", presentationML + "slideLayout+xml"},
		{"/ppt/theme/theme1.xml", "application/vnd.openxmlformats-officedocument.theme+xml"},
	}
	var ids, relations strings.Builder
	relations.WriteString(numbered(1, "slideMaster", "slideMasters/slideMaster1.xml"))
	var pages []part
	for i, slide := range slides {
		name := fmt.Sprintf("slides/slide%d.xml", i+1)
		types = append(types, override{"/ppt/" + name, presentationML + "slide+xml"})
		fmt.Fprintf(&ids, `<p:sldId id="%d" r:id="rId%d"/>`, 256+i, i+2)
		relations.WriteString(numbered(i+2, "slide", name))
		pages = append(pages,
			part{"ppt/" + name, slideXML(slide)},
			part{fmt.Sprintf("ppt/slides/_rels/slide%d.xml.rels", i+1), relationHead + numbered(1, "slideLayout", "../slideLayouts/slideLayout1.xml") + "</Relationships>"},
		)
	}
	parts := []part{
		{"[Content_Types].xml", contentTypes(types...)},
		{"_rels/.rels", relationHead + relation("officeDocument", "ppt/presentation.xml") + "</Relationships>"},
		{"ppt/presentation.xml", xmlHead + "<p:presentation" + slideNames + `><p:sldMasterIdLst><p:sldMasterId id="2147483648" r:id="rId1"/></p:sldMasterIdLst><p:sldIdLst>` +
			ids.String() + `</p:sldIdLst><p:sldSz cx="12192000" cy="6858000"/><p:notesSz cx="6858000" cy="9144000"/></p:presentation>`},
		{"ppt/_rels/presentation.xml.rels", relationHead + relations.String() + "</Relationships>"},
		{"ppt/slideMasters/slideMaster1.xml", xmlHead + "<p:sldMaster" + slideNames + "><p:cSld><p:spTree>" + emptyTree + "</p:spTree></p:cSld>" +
			`<p:clrMap bg1="lt1" tx1="dk1" bg2="lt2" tx2="dk2" accent1="accent1" accent2="accent2" accent3="accent3" accent4="accent4" accent5="accent5" accent6="accent6" hlink="hlink" folHlink="folHlink"/>` +
			`<p:sldLayoutIdLst><p:sldLayoutId id="2147483649" r:id="rId1"/></p:sldLayoutIdLst></p:sldMaster>`},
		{"ppt/slideMasters/_rels/slideMaster1.xml.rels", relationHead + numbered(1, "slideLayout", "../slideLayouts/slideLayout1.xml") + numbered(2, "theme", "../theme/theme1.xml") + "</Relationships>"},
		{"ppt/slideLayouts/slideLayout1.xml", xmlHead + "<p:sldLayout" + slideNames + "><p:cSld><p:spTree>" + emptyTree + "</p:spTree></p:cSld></p:sldLayout>"},
		{"ppt/slideLayouts/_rels/slideLayout1.xml.rels", relationHead + numbered(1, "slideMaster", "../slideMasters/slideMaster1.xml") + "</Relationships>"},
		{"ppt/theme/theme1.xml", themeXML()},
	}
	return ooxml(append(parts, pages...)...)
}

func numbered(n int, kind, target string) string {
	return fmt.Sprintf(`<Relationship Id="rId%d" Type="%s/%s" Target="%s"/>`, n, officeNS, kind, target)
}

// slideXML has a title and a box with a paragraph for each further line.
func slideXML(text string) string {
	title, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	box := func(id, top, height int, lines ...string) string {
		var b strings.Builder
		fmt.Fprintf(&b, `<p:sp><p:nvSpPr><p:cNvPr id="%d" name="Text %d"/><p:cNvSpPr txBox="1"/><p:nvPr/></p:nvSpPr><p:spPr><a:xfrm><a:off x="838200" y="%d"/>`+
			`<a:ext cx="10515600" cy="%d"/></a:xfrm><a:prstGeom prst="rect"><a:avLst/></a:prstGeom></p:spPr><p:txBody><a:bodyPr/><a:lstStyle/>`, id, id, top, height)
		for _, line := range lines {
			b.WriteString(`<a:p><a:r><a:rPr lang="en-GB"/><a:t>` + escapeXML(strings.TrimPrefix(line, "- ")) + "</a:t></a:r></a:p>")
		}
		return b.String() + "</p:txBody></p:sp>"
	}
	shapes := box(2, 365125, 900000, title)
	if rest != "" {
		shapes += box(3, 1500000, 4600000, strings.Split(rest, "\n")...)
	}
	return xmlHead + "<p:sld" + slideNames + "><p:cSld><p:spTree>" + emptyTree + shapes + "</p:spTree></p:cSld></p:sld>"
}

// themeXML is a theme with three of everything that a format scheme needs.
func themeXML() string {
	colour := func(name, hex string) string {
		return fmt.Sprintf(`<a:%s><a:srgbClr val="%s"/></a:%s>`, name, hex, name)
	}
	var colours strings.Builder
	for i, hex := range []string{"12303F", "FFFFFF", "0B5C7D", "EEF3F5", "0B5C7D", "E08A2C", "4F8A5B", "8A4F7D", "A23B3B", "5F6B76", "0B5C7D", "5F6B76"} {
		names := []string{"dk1", "lt1", "dk2", "lt2", "accent1", "accent2", "accent3", "accent4", "accent5", "accent6", "hlink", "folHlink"}
		colours.WriteString(colour(names[i], hex))
	}
	font := func(kind string) string {
		return "<a:" + kind + `><a:latin typeface="Aptos"/><a:ea typeface=""/><a:cs typeface=""/></a:` + kind + ">"
	}
	fill := strings.Repeat(`<a:solidFill><a:schemeClr val="phClr"/></a:solidFill>`, 3)
	line := strings.Repeat(`<a:ln w="6350"><a:solidFill><a:schemeClr val="phClr"/></a:solidFill></a:ln>`, 3)
	effect := strings.Repeat("<a:effectStyle><a:effectLst/></a:effectStyle>", 3)
	return xmlHead + `<a:theme xmlns:a="` + drawingNS + `" name="Tideline"><a:themeElements><a:clrScheme name="Tideline">` + colours.String() + `</a:clrScheme>` +
		`<a:fontScheme name="Tideline">` + font("majorFont") + font("minorFont") + `</a:fontScheme><a:fmtScheme name="Tideline"><a:fillStyleLst>` + fill +
		"</a:fillStyleLst><a:lnStyleLst>" + line + "</a:lnStyleLst><a:effectStyleLst>" + effect + "</a:effectStyleLst><a:bgFillStyleLst>" + fill +
		"</a:bgFillStyleLst></a:fmtScheme></a:themeElements></a:theme>"
}

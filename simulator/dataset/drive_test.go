package dataset

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func TestFilesAreTheSameForTheSameMoment(t *testing.T) {
	t.Parallel()
	for _, now := range moments {
		tn := Load(now)
		a, b := LoadFiles(tn, now), LoadFiles(tn, now)
		exported := cmp.AllowUnexported(Files{}, Content{})
		if diff := cmp.Diff(a, b, exported); diff != "" {
			t.Fatalf("at %s:\n%s", now, diff)
		}
		for _, d := range a.Drives {
			for _, i := range d.Items {
				if i.Modified.After(now) || i.Created.After(i.Modified) {
					t.Errorf("at %s: %s was made %s and changed %s", now, i.Name, i.Created, i.Modified)
				}
			}
		}
	}
	first, later := LoadFiles(tenant(t), moments[0]), LoadFiles(tenant(t), moments[1])
	if first.Drives[0].Items[3].ID != later.Drives[0].Items[3].ID {
		t.Error("ids depend on now")
	}
}

func TestDrives(t *testing.T) {
	t.Parallel()
	tn := tenant(t)
	f := LoadFiles(tn, moments[0])
	if len(f.Drives) != 10 || len(f.Sites) != 2 || len(f.Sites[0].Lists[0].Rows) != 15 {
		t.Fatalf("%d drives, %d sites", len(f.Drives), len(f.Sites))
	}
	kinds, seen, names := map[string]int{}, map[string]bool{}, ""
	shape := regexp.MustCompile(`^01[A-Z2-7]{32}$`)
	for _, p := range tn.People {
		if _, ok := f.DriveOf(p.ID); !ok {
			t.Errorf("%s has no drive", p.UPN)
		}
	}
	for _, d := range f.Drives {
		known := map[string]bool{"": true}
		for _, i := range d.Items {
			if !shape.MatchString(i.ID) || seen[i.ID] || !known[i.ParentID] {
				t.Errorf("%s: id %q, parent %q", i.Name, i.ID, i.ParentID)
			}
			seen[i.ID], known[i.ID] = true, true
			if !i.Folder {
				kinds[path.Ext(i.Name)]++
				checkFile(t, i)
			}
			names += i.Name
		}
	}
	for _, ext := range []string{".docx", ".xlsx", ".pptx", ".pdf", ".csv", ".md", ".txt", ".png", ".eml"} {
		if kinds[ext] == 0 {
			t.Errorf("no %s file", ext)
		}
	}
	if !strings.ContainsAny(names, "#") || !strings.ContainsAny(names, "%") || !strings.ContainsAny(names, "'") || !strings.Contains(names, "ü") {
		t.Error("the names are too tame")
	}
}

// checkFile opens a file as a program of its kind would.
func checkFile(t *testing.T, i DriveItem) {
	t.Helper()
	content, err := io.ReadAll(io.NewSectionReader(i.Content, 0, i.Content.Size()))
	if err != nil || int64(len(content)) != i.Content.Size() || len(content) == 0 {
		t.Errorf("%s: %d bytes, %v", i.Name, len(content), err)
	}
	switch path.Ext(i.Name) {
	case ".docx", ".xlsx", ".pptx":
		archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			t.Errorf("%s: %v", i.Name, err)
			return
		}
		for _, part := range archive.File {
			r, err := part.Open()
			if err != nil {
				t.Errorf("%s: %s: %v", i.Name, part.Name, err)
				continue
			}
			d := xml.NewDecoder(r)
			for err == nil {
				_, err = d.Token()
			}
			if !errors.Is(err, io.EOF) {
				t.Errorf("%s: %s is not well-formed: %v", i.Name, part.Name, err)
			}
		}
	case ".pdf":
		if !bytes.HasPrefix(content, []byte("%PDF-1.4")) || !bytes.HasSuffix(content, []byte("%%EOF\n")) {
			t.Errorf("%s is no PDF", i.Name)
		}
	case ".eml":
		if !bytes.HasPrefix(content, []byte("Date: ")) || bytes.Contains(bytes.ReplaceAll(content, []byte("\r\n"), nil), []byte("\n")) {
			t.Errorf("%s: %.60q", i.Name, content)
		}
	}
}

func TestPresentationHasItsSlides(t *testing.T) {
	t.Parallel()
	content, err := pptx("A & B\n- one\n- two\n\nC")
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	var slides []string
	for _, part := range archive.File {
		if strings.HasPrefix(part.Name, "ppt/slides/slide") {
			slides = append(slides, part.Name)
		}
	}
	if !slices.Equal(slides, []string{"ppt/slides/slide1.xml", "ppt/slides/slide2.xml"}) || !bytes.Contains(content, []byte("A &amp; B")) {
		t.Errorf("slides: %v", slides)
	}
}

func TestFileInjectionsAreThere(t *testing.T) {
	t.Parallel()
	f := LoadFiles(tenant(t), moments[0])
	if len(f.FileInjections()) == 0 {
		t.Fatal("none")
	}
	for _, injection := range f.FileInjections() {
		found := false
		for _, d := range f.Drives {
			for _, i := range d.Items {
				if d.ID == injection.DriveID && i.ID == injection.ItemID {
					content, _ := io.ReadAll(io.NewSectionReader(i.Content, 0, i.Content.Size()))
					found = strings.Contains(i.Text, injection.Marker) && bytes.Contains(content, []byte(injection.Marker)) && bytes.Contains(content, []byte("<w:vanish/>"))
				}
			}
		}
		if !found {
			t.Errorf("%+v is not in its file", injection)
		}
	}
}

func TestRepeatedContent(t *testing.T) {
	t.Parallel()
	c := repeated("head\nabc\n", 1003)
	want := []byte("head\n" + strings.Repeat("abc\n", 300))[:1003]
	if err := iotest.TestReader(io.NewSectionReader(c, 0, c.Size()), want); err != nil {
		t.Error(err)
	}
	if _, err := c.ReadAt(nil, -1); err == nil {
		t.Error("read before the beginning")
	}
}

func TestBrokenDrives(t *testing.T) {
	t.Parallel()
	const head = "%drive ada\n"
	for name, text := range map[string]string{
		"nobody":           "%drive nobody\n",
		"file first":       "%file x.txt\nAt: 3d 10:00\n\nx",
		"no time":          head + "%file x.txt\n\nx",
		"twice":            head + "%file x.txt\nAt: 3d 10:00\n\nx\n%file x.txt\nAt: 3d 10:00\n\nx",
		"header":           head + "%file x.txt\nAt 3d\n\nx",
		"unknown block":    head + "%thing x\n",
		"unknown format":   head + "%file x.odt\nAt: 3d 10:00\n\nx",
		"unknown reader":   head + "%file x.txt\nAt: 3d 10:00\nShare: zoe read\n\nx",
		"size":             head + "%file x.txt\nAt: 3d 10:00\nSize: big\n\nx",
		"list first":       "%list x\nAt: 3d 10:00\n\nTitle\nx",
		"unknown column":   "%site s\nOwners: ada\nAt: 3d 10:00\n%list x\nAt: 3d 10:00\nColumn: Title text\n\nTitle,Other\nx,y",
		"no number":        "%site s\nOwners: ada\nAt: 3d 10:00\n%list x\nAt: 3d 10:00\nColumn: N number\n\nN\nx",
		"unknown template": "{{nothing}}",
	} {
		if _, err := loadFiles(fstest.MapFS{"content/drive/x.drive": {Data: []byte(text)}}, tenant(t), moments[0]); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

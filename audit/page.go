package audit

import (
	"bytes"
	_ "embed"
	"html/template"

	"sidedoor/event"
	"sidedoor/evidence"
)

// page is an item on the index page.
type page struct {
	Number int
	Item   Item
	chainFile
}

//go:embed index.html.tmpl
var indexTemplate string

//go:embed readme.txt
var readme []byte

// explain writes what is for people: README.txt and index.html.
func (w *exporter) explain() error {
	if err := w.file("README.txt", readme); err != nil {
		return err
	}
	t, err := template.New("index").Parse(indexTemplate)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	err = t.Execute(&b, struct {
		Population Population
		Sample     event.Sample
		Checkpoint evidence.Checkpoint
		Signed     string
		Key        string
		Statement  string
		Items      []page
	}{
		w.in.Population, w.in.Sample, w.report.Checkpoint, stamp(w.report.Checkpoint.Time), w.report.Key, w.in.Statement, w.pages,
	})
	if err != nil {
		return err
	}
	return w.file("index.html", b.Bytes())
}

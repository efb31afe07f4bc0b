package document

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/xuri/excelize/v2"

	"m365mcp/content/document/limit"
)

// maxRows of one sheet: more is data to query, not text to read.
const maxRows = 5000

// sheets reads a workbook that has been checked: one table for each sheet, with
// the values that Excel last computed. Sheets that are hidden are left out.
func sheets(ctx context.Context, r io.Reader, m *limit.Meter, out *limit.Text) (err error) {
	book, err := excelize.OpenReader(r, excelize.Options{
		// The check has counted what comes out; nothing of it goes to the disk.
		UnzipSizeLimit: m.Expanded, UnzipXMLSizeLimit: m.Expanded,
		ShortDatePattern: "yyyy-mm-dd", LongDatePattern: "yyyy-mm-dd", LongTimePattern: "hh:mm:ss",
	})
	if err != nil {
		return fmt.Errorf("%w: workbook: %w", ErrDamaged, err)
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	names := book.GetSheetList()
	if len(names) == 0 {
		return fmt.Errorf("%w: workbook without sheets", ErrDamaged)
	}
	for i, name := range names {
		if out.Full() {
			return nil
		}
		if i == m.Pages {
			m.Note("Only the first %d sheets were read.", i)
			return nil
		}
		visible, err := book.GetSheetVisible(name)
		if err != nil {
			return fmt.Errorf("%w: sheet: %w", ErrDamaged, err)
		}
		if !visible {
			m.Note("Hidden sheets are left out.")
			continue
		}
		if err := sheet(ctx, book, name, m, out); err != nil {
			return err
		}
	}
	return nil
}

func sheet(ctx context.Context, book *excelize.File, name string, m *limit.Meter, out *limit.Text) (err error) {
	rows, err := book.Rows(name)
	if err != nil {
		if notTable(name, err) {
			return nil
		}
		return fmt.Errorf("%w: sheet: %w", ErrDamaged, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var table [][]string
	for full := false; !full && rows.Next(); {
		if err := ctx.Err(); err != nil {
			return err
		}
		row, err := rows.Columns()
		if err != nil {
			return fmt.Errorf("%w: sheet: %w", ErrDamaged, err)
		}
		used := 0
		for i, cell := range row {
			if cell == "" {
				continue
			}
			if full = !m.Cell(); full {
				break
			}
			used = i + 1
		}
		if used == 0 {
			continue
		}
		if len(table) == maxRows {
			m.Note("Only the first %d rows of sheet %q were read.", maxRows, name)
			break
		}
		table = append(table, row[:used])
	}
	out.Block("## Sheet: " + name)
	if len(table) == 0 {
		out.Block("(empty)")
	}
	out.Block(m.Table(table))
	return nil
}

// notTable: a sheet may be a chart.
func notTable(name string, err error) bool {
	_, missing := errors.AsType[excelize.ErrSheetNotExist](err)
	return missing || err.Error() == "sheet "+name+" is not a worksheet"
}

package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"

	"m365mcp/internal/private"
)

// Files keeps the sealed bytes of a spool, by the ids of its files. A folder does,
// for one process; a database does, for several. Both pass storetest.Files.
type Files interface {
	// Create begins a file. It is no file before its Commit, and an id that is in use
	// is [ErrTaken].
	Create(ctx context.Context, id string) (Draft, error)
	// Open opens a complete file, or returns [ErrNotFound].
	Open(ctx context.Context, id string) (Content, error)
	// Size is the length of a complete file, or [ErrNotFound].
	Size(ctx context.Context, id string) (int64, error)
	// Remove deletes files, complete or not. One that is not there is fine.
	Remove(ctx context.Context, ids ...string) error
	// Idle lists the files, complete or not, that no other process is writing.
	Idle(ctx context.Context) ([]string, error)
	Close() error
}

// Draft is a file on its way in. Each Write is one sealed chunk.
type Draft interface {
	io.Writer
	// Commit makes it a file that lasts through a power cut.
	Commit() error
	// Close ends the writing. What was not committed stays to be removed.
	Close() error
}

// Content is an open file.
type Content interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

const folderMode = 0o700

// folder implements [Files].
type folder struct{ *os.Root }

// Folder keeps files in a folder, which is made if it is missing. Others must not be
// able to write there: a [private.Error] says how to mend that.
func Folder(path string) (Files, error) {
	if err := os.MkdirAll(path, folderMode); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	if err := private.Folder(path); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	return folder{root}, nil
}

// partial is the name's ending while a file is not complete.
const partial = ".part"

func (f folder) Create(_ context.Context, id string) (Draft, error) {
	if _, err := f.Lstat(id); !errors.Is(err, fs.ErrNotExist) {
		return nil, errors.Join(ErrTaken, err)
	}
	file, err := f.OpenFile(id+partial, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, ErrTaken
	}
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	return &draft{file, f, id}, nil
}

// draft implements [Draft].
type draft struct {
	*os.File
	folder folder
	id     string
}

func (d *draft) Commit() error {
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	if err := d.folder.Rename(d.id+partial, d.id); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return d.folder.sync()
}

// Close may follow Commit.
func (d *draft) Close() error {
	if err := d.File.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}

// sync makes a rename last through a power cut.
func (f folder) sync() error {
	if runtime.GOOS == "windows" { // has no such call for folders
		return nil
	}
	dir, err := f.OpenFile(".", os.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func (f folder) Open(_ context.Context, id string) (Content, error) {
	file, err := f.Root.Open(id)
	if err != nil {
		return nil, absent(err)
	}
	stat, err := file.Stat()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("spool: %w", err), file.Close())
	}
	return content{file, stat.Size()}, nil
}

// content implements [Content].
type content struct {
	*os.File
	size int64
}

func (c content) Size() int64 { return c.size }

func (f folder) Size(_ context.Context, id string) (int64, error) {
	stat, err := f.Lstat(id)
	if err != nil {
		return 0, absent(err)
	}
	if !stat.Mode().IsRegular() {
		return 0, ErrNotFound
	}
	return stat.Size(), nil
}

func absent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNotFound
	}
	return fmt.Errorf("spool: %w", err)
}

func (f folder) Remove(_ context.Context, ids ...string) error {
	var errs []error
	for _, id := range ids {
		for _, name := range []string{id, id + partial} {
			if err := f.Root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, fmt.Errorf("spool: %w", err))
			}
		}
	}
	return errors.Join(errs...)
}

// Idle: no other process writes to the folder.
func (f folder) Idle(context.Context) ([]string, error) {
	dir, err := f.Root.Open(".")
	if err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	names, err := dir.Readdirnames(-1)
	if err = errors.Join(err, dir.Close()); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("spool: %w", err)
	}
	for i, name := range names {
		names[i] = strings.TrimSuffix(name, partial)
	}
	return names, nil
}

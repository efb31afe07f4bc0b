package graph

import "context"

// maxPages bounds how far List follows links, whatever Graph says.
const maxPages = 20

// List reads a collection page by page, empty pages too, until it has limit
// items (0: no limit), the end is reached or [maxPages] were read.
//
// next is the link at which reading can go on, or "" at the end. Pages stay
// whole, so that going on there neither skips nor repeats an item: a page that
// would go beyond limit is left for next time, unless it is the first one that
// has any.
func List[T any](ctx context.Context, d Doer, first Request, limit int) (items []T, next string, err error) {
	r := first
	for range maxPages {
		resp, err := d.Do(ctx, r)
		if err != nil {
			return nil, "", err
		}
		var page Page[T]
		if err := resp.Decode(&page); err != nil {
			return nil, "", err
		}
		if limit > 0 && len(items) > 0 && len(items)+len(page.Value) > limit {
			return items, r.Next, nil
		}
		items = append(items, page.Value...)
		r.Next = page.NextLink
		if r.Next == "" || limit > 0 && len(items) >= limit {
			break
		}
	}
	return items, r.Next, nil
}

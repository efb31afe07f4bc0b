package authserver

// recent remembers values by key, those used last: at least n of them, and never
// more than twice as many.
type recent[V any] struct {
	n          int
	young, old map[string]V
}

func newRecent[V any](n int) recent[V] {
	return recent[V]{n: n, young: map[string]V{}}
}

func (r *recent[V]) get(key string) (V, bool) {
	v, ok := r.young[key]
	if ok {
		return v, true
	}
	if v, ok = r.old[key]; ok {
		r.put(key, v)
	}
	return v, ok
}

func (r *recent[V]) put(key string, v V) {
	if _, ok := r.young[key]; !ok && len(r.young) >= r.n {
		r.old, r.young = r.young, map[string]V{}
	}
	r.young[key] = v
}

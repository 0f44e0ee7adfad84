package natskv

import (
	"context"
	"math"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
)

// A keyLister is a jetstream.KeyLister: a watch that ends when it has caught up.
type keyLister struct{ *pump[string] }

var _ jetstream.KeyLister = (*keyLister)(nil)

func (l *keyLister) Keys() <-chan string { return l.out }

func (b *bucket) ListKeys(ctx context.Context, opts ...jetstream.WatchOpt) (jetstream.KeyLister, error) {
	o, err := readKeys(opts)
	if err != nil {
		return nil, err
	}
	return asLister(b.listKeys(ctx, nil, &o))
}

func (b *bucket) ListKeysFiltered(ctx context.Context, filters ...string) (jetstream.KeyLister, error) {
	if err := checkPatterns(filters); err != nil {
		return nil, err
	}
	return asLister(b.listKeys(ctx, b.takePatterns(filters), &watchOptions{ignoreDeletes: true, metaOnly: true}))
}

// asLister makes a lister what the client returns: without one, a nil interface.
func asLister(l *keyLister, err error) (jetstream.KeyLister, error) {
	if err != nil {
		return nil, err
	}
	return l, nil
}

// listKeys starts a listing. With UpdatesOnly there is nothing to list but what ResumeFromRevision asks for; the client waits
// for an end that does not come then, and this lister ends.
func (b *bucket) listKeys(ctx context.Context, patterns []string, o *watchOptions) (*keyLister, error) {
	if o.updatesOnly && o.resume == 0 {
		o.resume = math.MaxUint64
	}
	o.updatesOnly = false
	w, err := b.watch(ctx, patterns, o)
	if err != nil {
		return nil, err
	}
	p := newPump(w, func(e *kv.Event) string { return e.Entry.Key })
	p.once = true
	p.start(true)
	return &keyLister{p}, nil
}

// A storeLister lists buckets. All is in the channel from the beginning, so that nobody has to fill it.
type storeLister[T any] struct {
	found chan T
	err   error
}

type (
	namesLister    struct{ storeLister[string] }
	statusesLister struct {
		storeLister[jetstream.KeyValueStatus]
	}
)

var (
	_ jetstream.KeyValueNamesLister = (*namesLister)(nil)
	_ jetstream.KeyValueLister      = (*statusesLister)(nil)
)

func (l *namesLister) Name() <-chan string                        { return l.found }
func (l *statusesLister) Status() <-chan jetstream.KeyValueStatus { return l.found }
func (l *storeLister[T]) Error() error                            { return l.err }

// newStoreLister returns a lister of what there is.
func newStoreLister[T any](all []T, err error) storeLister[T] {
	found := make(chan T, len(all))
	for _, one := range all {
		found <- one
	}
	close(found)
	return storeLister[T]{found, err}
}

func (m *manager) KeyValueStoreNames(ctx context.Context) jetstream.KeyValueNamesLister {
	return &namesLister{newStoreLister(m.names(ctx))}
}

func (m *manager) names(ctx context.Context) ([]string, error) {
	names, err := m.db.BucketNames(ctx)
	if err != nil {
		return nil, anyError(err)
	}
	return names, nil
}

func (m *manager) KeyValueStores(ctx context.Context) jetstream.KeyValueLister {
	statuses, err := m.statuses(ctx)
	all := make([]jetstream.KeyValueStatus, len(statuses))
	for i := range statuses {
		all[i] = statuses[i]
	}
	return &statusesLister{newStoreLister(all, err)}
}

// statuses returns the statuses of all buckets, in rising order of name.
func (m *manager) statuses(ctx context.Context) ([]*status, error) {
	names, err := m.names(ctx)
	if err != nil {
		return nil, err
	}
	var all []*status
	for _, name := range names {
		b, err := m.db.Bucket(ctx, name)
		var s *status
		if err == nil {
			s, err = newStatus(ctx, b)
		}
		switch {
		case bucketError(err, jetstream.ErrBucketNotFound) == jetstream.ErrBucketNotFound:
		case err != nil:
			return all, anyError(err)
		default:
			all = append(all, s)
		}
	}
	return all, nil
}

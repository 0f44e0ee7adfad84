package natstest

import (
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
)

// How many callers make the same call at once, and how often.
const (
	racers = 8
	races  = 20
)

// Corners of concurrent calls. What is written down is what holds whoever comes first.
var cornerRaceScripts = []script{
	{"corner/creating at once", func(n *notes) {
		for i, history := range []uint8{1, 3} {
			b := n.bucket(jetstream.KeyValueConfig{Bucket: fmt.Sprint("B", i), History: history})
			for race := range races {
				key := fmt.Sprint("new", race)
				n.race(b, key, func(value []byte) (uint64, error) { return b.Create(n.ctx(), key, value) })
			}
			for race := range races {
				key := fmt.Sprint("deleted", race)
				n.delete(b, key)
				n.race(b, key, func(value []byte) (uint64, error) { return b.Create(n.ctx(), key, value) })
			}
		}
	}},
	{"corner/updating at once", func(n *notes) {
		b := n.bucket(jetstream.KeyValueConfig{Bucket: "B"})
		revision := n.put(b, "k", "0")
		for range races {
			n.race(b, "k", func(value []byte) (uint64, error) { return b.Update(n.ctx(), "k", value, revision) })
			revision = n.newest(b, "k")
		}
		n.race(b, "k", func([]byte) (uint64, error) {
			return 0, b.Delete(n.ctx(), "k", jetstream.LastRevision(revision))
		})
	}},
	{"corner/putting at once", func(n *notes) {
		b := n.bucket(jetstream.KeyValueConfig{Bucket: "B", Storage: jetstream.MemoryStorage})
		w := n.startWatch(b, nil)
		var all sync.WaitGroup
		var mu sync.Mutex
		seen := map[uint64]bool{}
		for racer := range racers {
			all.Go(func() {
				for race := range races {
					key := fmt.Sprint("k", racer, ".", race)
					revision, err := b.PutString(n.ctx(), key, key)
					e, got := b.Get(n.ctx(), key)
					mu.Lock()
					seen[revision] = err == nil && got == nil && e.Revision() == revision
					mu.Unlock()
				}
			})
		}
		all.Wait()
		whole := true
		for revision := range uint64(racers * races) {
			whole = whole && seen[revision+1]
		}
		n.note("%d revisions, each once, and read back: %v", len(seen), whole)
		var last uint64
		for last < racers*races {
			if e := <-w.Updates(); e != nil && e.Revision() != last+1 {
				n.note("%d after %d", e.Revision(), last)
			} else if e != nil {
				last++
			}
		}
		n.note("delivered up to %d, %s", last, describe(w.Stop()))
	}},
}

// race makes a call many times at once and notes how many succeed, and what the key is then.
func (n *notes) race(b jetstream.KeyValue, key string, call func(value []byte) (uint64, error)) {
	var all sync.WaitGroup
	results := make([]error, racers)
	revisions := make([]uint64, racers)
	for i := range racers {
		all.Go(func() { revisions[i], results[i] = call(fmt.Append(nil, i)) })
	}
	all.Wait()
	won, exists := 0, 0
	for i, err := range results {
		switch {
		case err == nil:
			won++
			e, err := b.Get(n.ctx(), key)
			n.note("the winner's value %v", err != nil || string(e.Value()) == fmt.Sprint(i) && e.Revision() == revisions[i])
		case errors.Is(err, jetstream.ErrKeyExists) && revisions[i] == 0:
			exists++
		default:
			n.note("%d %s", revisions[i], describe(err))
		}
	}
	n.note("%s: %d won, %d found another", key, won, exists)
}

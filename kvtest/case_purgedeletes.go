package kvtest

import (
	"context"
	"fmt"
	"time"

	"github.com/revkv/kv"
)

// What PurgeDeletes removes.
var purgeDeletesCases = []Case{
	{
		Name:    "purge-deletes/all-markers",
		Promise: "PurgeDeletes with a negative age removes every key whose newest revision is a marker, and leaves the others alone.",
		run: func(t *tester) {
			b := deletedKeys(t)
			b.purgeDeletes(-1)
			b.wantAll("6 live=1", "7 live DELETE", "8 live=2")
			b.wantHistory("d")
			equal(t, b.update("d", "new", 0), 9, "revision of an update that wants no revision")
		},
	},
	{
		Name:    "purge-deletes/young-markers",
		Promise: "PurgeDeletes keeps a marker younger than the age, and drops what is older than the marker.",
		run: func(t *tester) {
			b := deletedKeys(t)
			b.purgeDeletes(time.Hour)
			b.wantAll("3 d DELETE", "5 p DELETE", "6 live=1", "7 live DELETE", "8 live=2")
		},
	},
	{
		Name:    "purge-deletes/by-age",
		Promise: "PurgeDeletes tells old markers from young ones.",
		run: func(t *tester) {
			b := t.bucket(kv.Config{History: 3})
			b.delete("old")
			t.place.Pass(2 * t.unit())
			b.put("young", "1")
			b.delete("young")
			b.purgeDeletes(t.unit())
			b.wantAll("3 young DELETE")
		},
	},
	{
		Name:    "purge-deletes/keeps-concurrent-writes",
		Promise: "A value written while PurgeDeletes runs is not lost.",
		Needs:   []Need{Sound},
		run: func(t *tester) {
			const keys = 300
			b := t.bucket(kv.Config{})
			for i := range keys {
				b.delete(fmt.Sprint("k", i))
			}
			t.together(2, func(i int) error {
				if i == 0 {
					return t.try(func(ctx context.Context) error { return b.PurgeDeletes(ctx, -1) })
				}
				for i := range keys {
					err := t.try(func(ctx context.Context) error {
						_, err := b.Put(ctx, fmt.Sprint("k", i), []byte("new"))
						return err
					})
					if err != nil {
						return err
					}
				}
				return nil
			})
			for i := range keys {
				b.want(fmt.Sprint("k", i), fmt.Sprintf("%d k%d=new", keys+1+i, i))
			}
		},
	},
}

// deletedKeys returns a bucket with two deleted keys and one that is back.
func deletedKeys(t *tester) *bucket {
	t.Helper()
	b := t.bucket(kv.Config{History: 5})
	b.puts("d", "1", "d", "2")
	b.delete("d")
	b.purge("p")
	b.delete("p")
	b.put("live", "1")
	b.delete("live")
	b.put("live", "2")
	return b
}

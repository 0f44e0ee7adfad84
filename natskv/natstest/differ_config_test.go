package natstest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// config makes a configuration, seldom a bad one.
func (s *source) config(name string) jetstream.KeyValueConfig {
	c := s.goodConfig(name)
	if s.one(4) {
		s.spoil(&c)
	}
	return c
}

// goodConfig makes a configuration that is accepted for a new bucket.
func (s *source) goodConfig(name string) jetstream.KeyValueConfig {
	c := jetstream.KeyValueConfig{
		Bucket:         name,
		History:        pick[uint8](s, 0, 1, 1, 2, 3, 5, 64),
		Description:    pick(s, "", "", "what it is"),
		TTL:            pick(s, 0, 0, time.Hour, 10*time.Minute+3),
		LimitMarkerTTL: pick(s, 0, time.Hour, 30*time.Minute+500*time.Millisecond),
		MaxBytes:       pick[int64](s, 0, -1, 0, 600, 1500, 1<<21),
		MaxValueSize:   pick[int32](s, 0, 0, 0, 0, 0, 0, -1, -1, 30, 53, 100, 300),
		Storage:        pick(s, storages...),
		Replicas:       pick(s, 0, 1),
		Compression:    s.one(4),
	}
	switch s.IntN(8) {
	case 0:
		c.Metadata = map[string]string{}
	case 1:
		c.Metadata = map[string]string{"owner": "x", "": "y"}
	case 2:
		c.Metadata = map[string]string{"k\xff": "1", "k\xfe": "2", "k": "3"}
	case 3:
		c.Metadata = map[string]string{"_nats.ver": "0", "_nats.x": "y", "owner": "z\xff"}
	}
	if s.one(10) {
		c.Placement = pick(s, &jetstream.Placement{}, &jetstream.Placement{Cluster: "C", Tags: []string{"t"}})
	}
	return c
}

// spoil makes a configuration that is refused, or is as far as can be.
func (s *source) spoil(c *jetstream.KeyValueConfig) {
	switch s.IntN(12) {
	case 0:
		c.History = pick[uint8](s, 65, 255)
	case 1:
		c.TTL = pick(s, -1, 1, 100*time.Millisecond-1)
	case 2:
		c.LimitMarkerTTL = pick(s, -1, 1, time.Second-1)
	case 3:
		c.MaxBytes = pick[int64](s, 1<<60, 1, -7)
	case 4:
		c.MaxValueSize = pick[int32](s, 1, -7)
	case 5:
		c.Storage = pick[jetstream.StorageType](s, 2, -1)
	case 6:
		c.Replicas = pick(s, -1, 2, 5, 6)
	case 7:
		c.Description = strings.Repeat("d", pick(s, 4096, 4097))
	case 8:
		c.Metadata = map[string]string{"k": strings.Repeat("x", 131072-18+s.IntN(4))}
	case 9:
		c.Bucket = pick(s, s.text(), "a b", "a.b", strings.Repeat("n", 253))
	case 10:
		c.Description = "a\xffb"
	case 11:
		s.spoil(c)
		s.spoil(c)
	}
}

// createGood makes the operation that creates a bucket to begin with.
func (s *source) createGood(name string) operation {
	return createWith("CreateKeyValue", s.goodConfig(name), jetstream.KeyValueManager.CreateKeyValue)
}

// shortConfig writes down what is set in a configuration.
func shortConfig(c jetstream.KeyValueConfig) string {
	var set []string
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		f := v.Field(i)
		if f.IsZero() {
			continue
		}
		text := fmt.Sprintf("%+v", f.Interface())
		if f.Kind() == reflect.String {
			text = short(f.String())
		}
		if len(text) > 100 {
			text = fmt.Sprintf("%s... (%d)", text[:80], len(text))
		}
		set = append(set, v.Type().Field(i).Name+": "+text)
	}
	return "{" + strings.Join(set, ", ") + "}"
}

type manage func(jetstream.KeyValueManager, context.Context, jetstream.KeyValueConfig) (jetstream.KeyValue, error)

// create is createWith, seldom with a context that has ended.
func (s *source) create(method string, c jetstream.KeyValueConfig, f manage) operation {
	return s.ctx(createWith(method, c, f))
}

// createWith makes an operation that creates or updates a bucket.
func createWith(method string, c jetstream.KeyValueConfig, f manage) operation {
	return operation{fmt.Sprintf("js.%s(ctx, %s)", method, shortConfig(c)), func(r *run) {
		var b jetstream.KeyValue
		err := r.created(c.Bucket, func() (err error) {
			b, err = f(r.js, r.ctx(), c)
			return err
		})
		r.note("%s", describe(err))
		if err != nil {
			r.note("nil bucket: %v", b == nil)
			return
		}
		r.buckets[c.Bucket] = b
		delete(r.deleted, c.Bucket)
		r.status(b)
	}}
}

// manage makes an operation of jetstream.KeyValueManager.
func (s *source) manage() operation {
	name := s.bucket()
	c := s.config(name)
	switch s.IntN(17) {
	case 16:
		return s.same(name)
	case 0, 1, 2:
		return s.create("CreateKeyValue", c, jetstream.KeyValueManager.CreateKeyValue)
	case 3, 4:
		return s.create("UpdateKeyValue", c, jetstream.KeyValueManager.UpdateKeyValue)
	case 5:
		return s.create("CreateOrUpdateKeyValue", c, jetstream.KeyValueManager.CreateOrUpdateKeyValue)
	case 6:
		return s.remove(name)
	case 7:
		return s.ctx(operation{"js.KeyValueStores(ctx)", func(r *run) { r.listStores() }})
	case 8:
		if s.one(4) {
			name = c.Bucket
		}
		return s.ctx(operation{fmt.Sprintf("js.KeyValue(ctx, %s)", short(name)), func(r *run) {
			b, err := r.js.KeyValue(r.ctx(), name)
			r.note("%s", describe(err))
			if err != nil {
				r.note("nil bucket: %v", b == nil)
				return
			}
			r.buckets[name] = b
		}})
	}
	return s.change(name)
}

// change makes an operation that changes a few fields of the configuration that a bucket has.
func (s *source) change(name string) operation {
	var texts []string
	var changes []func(*jetstream.KeyValueConfig)
	for range 1 + s.IntN(2) {
		c := s.config(name)
		text, change := "History", func(to *jetstream.KeyValueConfig) { to.History = c.History }
		switch s.IntN(8) {
		case 0:
			text, change = "MaxBytes", func(to *jetstream.KeyValueConfig) { to.MaxBytes = c.MaxBytes }
		case 1:
			text, change = "MaxValueSize", func(to *jetstream.KeyValueConfig) { to.MaxValueSize = c.MaxValueSize }
		case 2:
			text, change = "LimitMarkerTTL", func(to *jetstream.KeyValueConfig) { to.LimitMarkerTTL = c.LimitMarkerTTL }
		case 3:
			text, change = "Metadata", func(to *jetstream.KeyValueConfig) { to.Metadata = c.Metadata }
		case 4:
			text, change = "TTL", func(to *jetstream.KeyValueConfig) { to.TTL = c.TTL }
		}
		changes = append(changes, change)
		texts = append(texts, text+" as in "+shortConfig(c))
	}
	return s.on(name, "change(ctx, "+strings.Join(texts, ", ")+")", func(r *run, b jetstream.KeyValue) {
		st, err := b.Status(r.ctx())
		if err != nil {
			r.note("status: %s", describe(err))
			return
		}
		c := st.Config()
		for _, change := range changes {
			change(&c)
		}
		_, err = r.js.UpdateKeyValue(r.ctx(), c)
		r.note("%s", describe(err))
		r.status(b)
	})
}

// same makes an operation that asks for a bucket with the configuration that it has.
func (s *source) same(name string) operation {
	return s.on(name, "same(ctx)", func(r *run, b jetstream.KeyValue) {
		st, err := b.Status(r.ctx())
		if err != nil {
			r.note("status: %s", describe(err))
			return
		}
		_, err = r.js.CreateKeyValue(r.ctx(), st.Config())
		r.note("create: %s", describe(err))
		_, err = r.js.CreateOrUpdateKeyValue(r.ctx(), st.Config())
		r.note("create or update: %s", describe(err))
		r.status(b)
	})
}

// again makes the operation that creates a bucket again after a while.
func (s *source) again(name string) {
	if validBucket(name) {
		s.later = append(s.later, s.createGood(name))
	}
}

func validBucket(name string) bool { return slices.Contains(bucketNames, name) }

// remove makes an operation that deletes a bucket, and stops its watchers before.
func (s *source) remove(name string) operation {
	if s.one(8) {
		name = pick(s, "", "a b", "missing", strings.Repeat("n", 253))
	}
	s.again(name)
	return s.ctx(operation{fmt.Sprintf("js.DeleteKeyValue(ctx, %s)", short(name)), func(r *run) {
		if validBucket(name) {
			r.stopWatchers(name)
		}
		r.gone(name, r.js.DeleteKeyValue(r.ctx(), name))
	}})
}

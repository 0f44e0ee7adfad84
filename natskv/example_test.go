package natskv_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/revkv/kv"
	"github.com/revkv/kv/natskv"
)

// A Shop is code that knows NATS and nothing of this module.
type Shop struct{ orders jetstream.KeyValue }

func (s *Shop) Pay(ctx context.Context, order string) error {
	e, err := s.orders.Get(ctx, order)
	if err != nil {
		return err
	}
	_, err = s.orders.Update(ctx, order, []byte("paid"), e.Revision())
	return err
}

func Example() {
	ctx := context.Background()
	js := natskv.New(kv.New()) // with a server: js, err := jetstream.New(nc)

	orders, err := js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "orders", History: 5})
	if err != nil {
		fmt.Println(err)
		return
	}
	shop := &Shop{orders}
	fmt.Println(errors.Is(shop.Pay(ctx, "1024"), jetstream.ErrKeyNotFound))

	_, _ = orders.Create(ctx, "1024", []byte("open"))
	fmt.Println(shop.Pay(ctx, "1024"))

	_, err = orders.Update(ctx, "1024", []byte("lost"), 1)
	fmt.Println(err)

	w, _ := orders.WatchAll(ctx, jetstream.IncludeHistory())
	defer w.Stop()
	for e := range w.Updates() {
		if e == nil {
			break
		}
		fmt.Println(e.Key(), e.Revision(), string(e.Value()))
	}
	// Output:
	// true
	// <nil>
	// nats: nats: API error: code=400 err_code=10071 description=wrong last sequence: 2: nats: key revision mismatch
	// 1024 1 open
	// 1024 2 paid
}

func ExampleLegacy() {
	js := natskv.Legacy(kv.New()) // with a server: js, err := nc.JetStream()

	b, _ := js.CreateKeyValue(&nats.KeyValueConfig{Bucket: "leases"})
	_, _ = b.Create("leader", []byte("a"))
	_, err := b.Create("leader", []byte("b"))
	fmt.Println(errors.Is(err, nats.ErrKeyExists))
	// Output:
	// true
}

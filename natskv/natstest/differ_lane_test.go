package natstest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A lane is an account of a server: buckets of one lane are not seen from another, so that programs are played side by side.
type lane struct {
	js     jetstream.JetStream
	old    nats.JetStreamContext
	folder string // of its buckets
}

// startLanes starts one server with some lanes.
func startLanes(tb testing.TB, n int) (lanes []*lane) {
	tb.Helper()
	var accounts []*server.Account
	var users []*server.User
	for i := range n {
		a := server.NewAccount(fmt.Sprint("lane", i))
		accounts = append(accounts, a)
		users = append(users, &server.User{Username: a.Name, Password: "p", Account: a})
	}
	s := start(tb, func(o *server.Options) { o.Accounts, o.Users = accounts, users })
	for _, u := range users {
		a, err := s.LookupAccount(u.Username)
		if err != nil {
			tb.Fatal(err)
		}
		if err := a.EnableJetStream(nil, nil); err != nil {
			tb.Fatal(err)
		}
		lanes = append(lanes, newLane(tb, s, u))
	}
	return lanes
}

func newLane(tb testing.TB, s *server.Server, u *server.User) *lane {
	tb.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(s), nats.UserInfo(u.Username, u.Password))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(nc.Close)
	l := lane{folder: filepath.Join(s.JetStreamConfig().StoreDir, u.Account.Name, "streams")}
	if l.js, err = jetstream.New(nc); err != nil {
		tb.Fatal(err)
	}
	if l.old, err = nc.JetStream(); err != nil {
		tb.Fatal(err)
	}
	return &l
}

func (l *lane) notes() *notes { return &notes{js: l.js, old: l.old, close: func() {}} }

// clear deletes all buckets.
func (l *lane) clear() {
	ctx := context.Background()
	for name := range l.js.KeyValueStoreNames(ctx).Name() {
		_ = l.js.DeleteKeyValue(ctx, name)
		l.settle(name)
	}
}

// settle waits until the files of a deleted bucket are gone, and removes them if a server leaves them. It gives their folder
// another name and then deletes that, in its own time. If the bucket is made and deleted again before, the folder cannot get that
// name, and a third bucket may fail or have the entries of the second.
func (l *lane) settle(name string) {
	folders := [...]string{filepath.Join(l.folder, "KV_"+name), filepath.Join(l.folder, ".KV_"+name)}
	there := func(folder string) bool {
		_, err := os.Stat(folder)
		return !errors.Is(err, fs.ErrNotExist)
	}
	for end := time.Now().Add(time.Second); there(folders[0]) || there(folders[1]); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			_ = os.RemoveAll(folders[0])
			_ = os.RemoveAll(folders[1])
		}
	}
}

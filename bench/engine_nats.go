package main

import (
	"errors"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// natsEngine is a bucket of a NATS server in this process. The connection to it is a pipe in memory, so nothing goes over the
// network; all goroutines share it, as NATS advises. The server has its defaults, with JetStream: files are synced every two
// minutes, or before a write returns if SyncAlways is asked for. A server in memory needs a folder too, but keeps no
// revision in it.
type natsEngine struct {
	*jsEngine
	js   jetstream.JetStream
	lost *firstError
}

// serverPatience is how long a server may take to come up, and to take what it is filled with.
const serverPatience = time.Minute

func openNATS(o options) (engine, error) {
	dir := o.dir
	end := func() error { return nil }
	if o.inMemory() {
		temp, err := os.MkdirTemp("", "kvbench")
		if err != nil {
			return nil, err
		}
		dir, end = temp, func() error { return os.RemoveAll(temp) }
	}
	s, err := server.NewServer(&server.Options{
		JetStream:  true,
		StoreDir:   dir,
		SyncAlways: o.sync == syncAlways,
		DontListen: true,
		NoLog:      true,
		NoSigs:     true,
	})
	if err != nil {
		return nil, errors.Join(err, end())
	}
	s.Start()
	down := func() error {
		s.Shutdown()
		s.WaitForShutdown()
		return end()
	}
	if !s.ReadyForConnections(serverPatience) {
		return nil, errors.Join(errors.New("the server has not come up"), down())
	}
	conn, err := nats.Connect("", nats.InProcessServer(s))
	if err != nil {
		return nil, errors.Join(err, down())
	}
	lost := &firstError{}
	js, err := jetstream.New(conn, jetstream.WithPublishAsyncErrHandler(
		func(_ jetstream.JetStream, _ *nats.Msg, err error) { lost.set(err) }))
	if err != nil {
		conn.Close()
		return nil, errors.Join(err, down())
	}
	b, err := openBucket(o, js, func() error {
		conn.Close()
		return down()
	})
	if err != nil {
		return nil, err
	}
	return &natsEngine{b, js, lost}, nil
}

// fill does not wait for the answer to each write before the next one, but for all of them in the end. The server knows a put as
// a message to a subject.
func (e *natsEngine) fill(write func(func(string, []byte) error) error) error {
	err := write(func(key string, value []byte) error {
		_, err := e.js.PublishAsync("$KV."+bucketName+"."+key, value, jetstream.WithStallWait(serverPatience))
		return err
	})
	if err != nil {
		return err
	}
	select {
	case <-e.js.PublishAsyncComplete():
		return e.lost.get()
	case <-time.After(serverPatience):
		return errors.New("the server does not answer")
	}
}

// A firstError keeps the first of several errors.
type firstError struct {
	mu  sync.Mutex
	err error
}

func (f *firstError) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}

func (f *firstError) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

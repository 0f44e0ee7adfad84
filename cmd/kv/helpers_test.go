package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/revkv/kv"
)

// An owner is a Go program that has the folder open for writing, for as long as the script wants: "owner address &" opens
// KV_DIR and writes where it listens to the file address; "tell address put Bucket1 Key1 Value1" makes it write, and
// returns when it has; "tell address end" ends it.
func ownerMain() {
	db, err := kv.Open(os.Getenv("KV_DIR"))
	check(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	file := os.Args[1]
	check(os.WriteFile(file+".tmp", []byte(listener.Addr().String()), 0o666))
	check(os.Rename(file+".tmp", file))
	for ended := false; !ended; {
		conn, err := listener.Accept()
		check(err)
		line, err := bufio.NewReader(conn).ReadString('\n')
		check(err)
		words := strings.Fields(line)
		ended = words[0] == "end"
		answer := "done"
		if err := obey(db, words); err != nil {
			answer = err.Error()
		}
		if ended {
			check(db.Close())
		}
		fmt.Fprintln(conn, answer)
		check(conn.Close())
	}
}

// obey does what an owner is told.
func obey(db *kv.DB, words []string) error {
	ctx := context.Background()
	switch words[0] {
	case "add":
		_, err := db.CreateBucket(ctx, kv.Config{Bucket: words[1], History: 5})
		return err
	case "drop":
		return db.DeleteBucket(ctx, words[1])
	case "put", "delete":
		b, err := db.Bucket(ctx, words[1])
		if err != nil {
			return err
		}
		if words[0] == "delete" {
			return b.Delete(ctx, words[2])
		}
		_, err = b.PutString(ctx, words[2], words[3])
		return err
	}
	return nil
}

// tellMain tells the owner something and waits until it is done.
func tellMain() {
	check(await(os.Args[1]))
	check(tell(os.Args[1], os.Args[2:]))
}

// pesterMain tells the owner something again and again, until there is a file: "pester address file put Bucket1 Key1 Value1".
func pesterMain() {
	check(await(os.Args[1]))
	for began := time.Now(); time.Since(began) < patience; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(os.Args[2]); err == nil {
			return
		}
		check(tell(os.Args[1], os.Args[3:]))
	}
	check(fmt.Errorf("there is still no file %s", os.Args[2]))
}

func tell(file string, words []string) error {
	address, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	conn, err := net.Dial("tcp", string(address))
	if err != nil {
		return err
	}
	fmt.Fprintln(conn, strings.Join(words, " "))
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil && answer != "done\n" {
		err = fmt.Errorf("owner: %s", answer)
	}
	return errors.Join(err, conn.Close())
}

// patience is how long one process waits for another.
const patience = time.Minute

// await waits for a file that another process makes.
func await(file string) error {
	for began := time.Now(); time.Since(began) < patience; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(file); err == nil {
			return nil
		}
	}
	return fmt.Errorf("there is no file %s", file)
}

// awaitFile waits for a file.
func awaitFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await file")
	}
	ts.Check(await(ts.MkAbs(args[0])))
}

// untilMain runs a program until it has written so many lines, and interrupts it then: "until 3 seen kv watch Bucket1". After
// each line it makes a file: seen.1, seen.2, seen.3. It ends with the status of the program.
func untilMain() {
	lines, err := strconv.Atoi(os.Args[1])
	check(err)
	file := os.Args[2]
	cmd := exec.Command(os.Args[3], os.Args[4:]...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	check(err)
	check(cmd.Start())
	scanner := bufio.NewScanner(out)
	for i := 1; scanner.Scan(); i++ {
		fmt.Println(scanner.Text())
		check(os.WriteFile(fmt.Sprintf("%s.%d", file, i), nil, 0o666))
		if i == lines {
			check(cmd.Process.Signal(os.Interrupt))
		}
	}
	_ = cmd.Wait()
	os.Exit(cmd.ProcessState.ExitCode())
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// folderText tells of a folder what reading may not change: names, lengths, times of change, permissions, bytes.
func folderText(dir string) (string, error) {
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		var data []byte
		if !d.IsDir() {
			if data, err = os.ReadFile(path); err != nil {
				return err
			}
		}
		name, err := filepath.Rel(dir, path)
		fmt.Fprintf(&b, "%s %v %d %v %x\n", name, info.Mode(), len(data), info.ModTime(), sha256.Sum256(data))
		return err
	})
	return b.String(), err
}

// flipByte damages a file of the folder: "flip pattern text" turns the bits of the first byte of a text in the one file whose
// path matches the pattern.
func flipByte(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip pattern text")
	}
	files, err := filepath.Glob(filepath.Join(ts.Getenv("KV_DIR"), args[0]))
	ts.Check(err)
	for _, file := range files {
		data, err := os.ReadFile(file)
		ts.Check(err)
		if at := bytes.Index(data, []byte(args[1])); at >= 0 {
			data[at] ^= 0xff
			ts.Check(os.WriteFile(file, data, 0o666))
			return
		}
	}
	ts.Fatalf("no file has %q", args[1])
}

package main

import (
	"bufio"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// processor returns the name of the processor.
func processor() string { return field("/proc/cpuinfo", "model name") }

// kernel returns the version of the kernel, without what a distribution adds.
func kernel() string {
	release, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return ""
	}
	version, _, _ := strings.Cut(strings.TrimSpace(string(release)), "-")
	return "kernel " + version
}

// memory returns the bytes of memory.
func memory() uint64 {
	var kib uint64
	if _, err := fmt.Sscanf(field("/proc/meminfo", "MemTotal"), "%d kB", &kib); err != nil {
		return 0
	}
	return kib << 10
}

// field returns what a file of lines "name: value" has for a name.
func field(file, name string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if n, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(n) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// inMemoryFS is the file system that syncs for nothing.
const inMemoryFS = "tmpfs"

// fileSystems are the numbers that Linux gives to file systems.
var fileSystems = map[uint32]string{
	0xef53: "ext4", 0x58465342: "xfs", 0x9123683e: "btrfs", 0x2fc12fc1: "zfs", 0xf2f52010: "f2fs",
	0x794c7630: "overlayfs", 0x01021994: inMemoryFS,
}

// fileSystem returns the name of the file system that dir is on.
func fileSystem(dir string) string {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return ""
	}
	magic := uint32(stat.Type)
	if name, ok := fileSystems[magic]; ok {
		return name
	}
	return fmt.Sprintf("file system %#x", magic)
}

// The usual way to hold connections in Go: a goroutine a connection, which dials with net.Dialer and then waits in Read for
// what the peer may say. Arguments and output are those of hold_uring.c; more connections than files may be open need more
// processes.
package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

func number(text string) uint64 {
	value, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return value
}

// Resident memory of this process.
func rssKb() uint64 {
	text, err := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		fmt.Fprintln(os.Stderr, "/proc/self/statm:", err)
		os.Exit(1)
	}
	return number(fields[1]) * uint64(os.Getpagesize()) / 1024
}

func main() {
	if len(os.Args) != 6 && len(os.Args) != 7 {
		fmt.Fprintf(os.Stderr, "usage: %s FIRST_ADDRESS ADDRESSES PORT TOTAL IN_FLIGHT [SECONDS]\n", os.Args[0])
		os.Exit(2)
	}
	address := net.ParseIP(os.Args[1]).To4()
	if address == nil {
		fmt.Fprintf(os.Stderr, "%s is not an IPv4 address\n", os.Args[1])
		os.Exit(2)
	}
	first := binary.BigEndian.Uint32(address)
	addresses, port, total, inFlight := number(os.Args[2]), os.Args[3], number(os.Args[4]), number(os.Args[5])

	before := rssKb()
	var connected, failed atomic.Uint64
	var dialled sync.WaitGroup
	dialled.Add(int(total))
	room := make(chan struct{}, inFlight)
	dialer := net.Dialer{Timeout: 20 * time.Second}
	begin := time.Now()
	for index := uint64(0); index < total; index++ {
		room <- struct{}{}
		go func(index uint64) {
			ip := make(net.IP, 4)
			binary.BigEndian.PutUint32(ip, first+uint32(index%addresses))
			connection, err := dialer.Dial("tcp4", net.JoinHostPort(ip.String(), port))
			<-room
			if err != nil {
				if failed.Add(1) == 1 {
					fmt.Fprintln(os.Stderr, "the first failure:", err)
				}
				dialled.Done()
				return
			}
			connected.Add(1)
			dialled.Done()
			var nothing [1]byte
			connection.Read(nothing[:])
		}(index)
	}
	dialled.Wait()
	elapsed := time.Since(begin).Seconds()
	after := rssKb()
	fmt.Printf("{\"connects\":%d,\"failed\":%d,\"seconds\":%.6f,\"rss_kb\":%d,\"bytes_per_connection_user\":%.1f}\n",
		connected.Load(), failed.Load(), elapsed, after, float64(after-before)*1024/float64(total))

	ended := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	if len(os.Args) == 7 {
		select {
		case <-ended:
		case <-time.After(time.Duration(number(os.Args[6])) * time.Second):
		}
	} else {
		<-ended
	}
}

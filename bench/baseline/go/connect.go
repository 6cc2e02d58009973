// The usual way to connect from Go: net.Dialer in as many goroutines as connections may be in flight. Arguments and
// output are those of connect_epoll.c.
package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
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

func cpuSeconds() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
}

func main() {
	if len(os.Args) != 6 {
		fmt.Fprintf(os.Stderr, "usage: %s FIRST_ADDRESS ADDRESSES PORT TOTAL IN_FLIGHT\n", os.Args[0])
		os.Exit(2)
	}
	address := net.ParseIP(os.Args[1]).To4()
	if address == nil {
		fmt.Fprintf(os.Stderr, "%s is not an IPv4 address\n", os.Args[1])
		os.Exit(2)
	}
	first := binary.BigEndian.Uint32(address)
	addresses, port, total, inFlight := number(os.Args[2]), os.Args[3], number(os.Args[4]), number(os.Args[5])

	var next, connected, failed atomic.Uint64
	var group sync.WaitGroup
	dialer := net.Dialer{Timeout: 3 * time.Second}
	begin := time.Now()
	for i := uint64(0); i < inFlight; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for {
				index := next.Add(1) - 1
				if index >= total {
					return
				}
				ip := make(net.IP, 4)
				binary.BigEndian.PutUint32(ip, first+uint32(index%addresses))
				connection, err := dialer.Dial("tcp4", net.JoinHostPort(ip.String(), port))
				if err != nil {
					failed.Add(1)
					continue
				}
				connected.Add(1)
				connection.(*net.TCPConn).SetLinger(0)
				connection.Close()
			}
		}()
	}
	group.Wait()
	elapsed := time.Since(begin).Seconds()
	fmt.Printf("{\"connects\":%d,\"failed\":%d,\"seconds\":%.6f,\"rate\":%.0f,\"cpu_us_per_connect\":%.3f}\n",
		connected.Load(), failed.Load(), elapsed, float64(total)/elapsed, cpuSeconds()*1e6/float64(total))
}

// The usual way to shake hands from Go: crypto/tls in as many goroutines as handshakes may be in flight; connect,
// handshake, close. Certificates are not verified. Prints one JSON object.
package main

import (
	"crypto/tls"
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
	if len(os.Args) != 7 {
		fmt.Fprintf(os.Stderr, "usage: %s FIRST_ADDRESS ADDRESSES PORT TOTAL IN_FLIGHT 1.2|1.3\n", os.Args[0])
		os.Exit(2)
	}
	address := net.ParseIP(os.Args[1]).To4()
	if address == nil {
		fmt.Fprintf(os.Stderr, "%s is not an IPv4 address\n", os.Args[1])
		os.Exit(2)
	}
	first := binary.BigEndian.Uint32(address)
	addresses, port, total, inFlight := number(os.Args[2]), os.Args[3], number(os.Args[4]), number(os.Args[5])
	config := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS13,
		NextProtos: []string{"h2", "http/1.1"}}
	if os.Args[6] == "1.2" {
		config.MaxVersion = tls.VersionTLS12
	}

	var next, done, failed atomic.Uint64
	var group sync.WaitGroup
	dialer := net.Dialer{Timeout: 10 * time.Second}
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
				plain, err := dialer.Dial("tcp4", net.JoinHostPort(ip.String(), port))
				if err != nil {
					failed.Add(1)
					continue
				}
				plain.(*net.TCPConn).SetLinger(0)
				connection := tls.Client(plain, config)
				if err := connection.Handshake(); err != nil {
					failed.Add(1)
				} else {
					done.Add(1)
				}
				connection.Close()
			}
		}()
	}
	group.Wait()
	elapsed := time.Since(begin).Seconds()
	fmt.Printf("{\"handshakes\":%d,\"failed\":%d,\"seconds\":%.6f,\"rate\":%.0f,\"cpu_us_per_handshake\":%.3f}\n",
		done.Load(), failed.Load(), elapsed, float64(total)/elapsed, cpuSeconds()*1e6/float64(total))
}

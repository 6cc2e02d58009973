// The usual way to ask from Go: net/http in as many goroutines as requests may be in flight; connect, handshake where
// it is https, GET, read the body, close. Certificates are not verified, nothing is kept alive. Prints one JSON object.
package main

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
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
		fmt.Fprintf(os.Stderr, "usage: %s FIRST_ADDRESS ADDRESSES PORT TOTAL IN_FLIGHT http|https\n", os.Args[0])
		os.Exit(2)
	}
	address := net.ParseIP(os.Args[1]).To4()
	if address == nil {
		fmt.Fprintf(os.Stderr, "%s is not an IPv4 address\n", os.Args[1])
		os.Exit(2)
	}
	first := binary.BigEndian.Uint32(address)
	addresses, port, total, inFlight := number(os.Args[2]), os.Args[3], number(os.Args[4]), number(os.Args[5])
	scheme := os.Args[6]
	dialer := net.Dialer{Timeout: 10 * time.Second}
	transport := &http.Transport{
		DisableKeepAlives: true,
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		DialContext:       dialer.DialContext,
	}
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}

	var next, done, failed atomic.Uint64
	var group sync.WaitGroup
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
				answer, err := client.Get(scheme + "://" + net.JoinHostPort(ip.String(), port) + "/")
				if err != nil {
					failed.Add(1)
					continue
				}
				if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != 200 {
					failed.Add(1)
				} else {
					done.Add(1)
				}
				answer.Body.Close()
			}
		}()
	}
	group.Wait()
	seconds := time.Since(begin).Seconds()
	fmt.Printf("{\"requests\":%d,\"failed\":%d,\"seconds\":%.3f,\"rate\":%.1f,\"cpu_seconds\":%.3f}\n",
		done.Load(), failed.Load(), seconds, float64(done.Load())/seconds, cpuSeconds())
}

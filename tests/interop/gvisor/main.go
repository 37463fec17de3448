// gVisor's network stack on a TAP device, for a test that tells it what to do. Built from Debian's packages:
//
//	GOPATH=/usr/share/gocode GO111MODULE=off GOFLAGS= go build -o gvisor .
//	ip netns exec NAME ./gvisor DEVICE ADDRESS/BITS GATEWAY reno|cubic rack|sack
//
// A line on its input is a command; each connection is one of these:
//
//	echo PORT                 listens; what is heard is said, to the end
//	exchange PORT             listens; the file PORT.out is said while what is heard goes to PORT.in, to both ends
//	connect PORT ADDRESS      the same
//
// It answers "ready" when it can be spoken to, "listening PORT", and "end PORT" or "failed PORT: why" for a connection.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	"gvisor.dev/gvisor/pkg/tcpip/link/tun"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

const nic = 1
const mac = "\x02\x00\x00\x00\x00\x77"

var said sync.Mutex

func say(format string, args ...interface{}) {
	said.Lock()
	defer said.Unlock()
	fmt.Printf(format+"\n", args...)
}

// must ends the program when something is wrong: an error, or one of gVisor's own.
func must(what string, wrong interface{}) {
	if wrong != nil {
		fmt.Fprintln(os.Stderr, "gvisor:", what+":", wrong)
		os.Exit(1)
	}
}

func addressOf(text string) tcpip.Address { return tcpip.Address(net.ParseIP(text).To4()) }

// host is a stack with the device as its only interface, and the gateway's way to all that is not beside it.
func host(device, address, gateway, congestion, recovery string) *stack.Stack {
	fd, err := tun.OpenTAP(device)
	must(device, err)
	link, err := fdbased.New(&fdbased.Options{FDs: []int{fd}, MTU: 1500, EthernetHeader: true, Address: mac})
	must(device, err)
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, icmp.NewProtocol4},
	})
	if wrong := s.CreateNIC(nic, link); wrong != nil {
		must("interface", wrong)
	}
	ip, bits, _ := strings.Cut(address, "/")
	prefix, err := strconv.Atoi(bits)
	must(address, err)
	with := tcpip.AddressWithPrefix{Address: addressOf(ip), PrefixLen: prefix}
	at := tcpip.ProtocolAddress{Protocol: ipv4.ProtocolNumber, AddressWithPrefix: with}
	if wrong := s.AddProtocolAddress(nic, at, stack.AddressProperties{}); wrong != nil {
		must(address, wrong)
	}
	s.SetRouteTable([]tcpip.Route{
		{Destination: with.Subnet(), NIC: nic},
		{Destination: header.IPv4EmptySubnet, Gateway: addressOf(gateway), NIC: nic},
	})
	sack, control, rack := tcpip.TCPSACKEnabled(true), tcpip.CongestionControlOption(congestion), tcpip.TCPRecovery(0)
	if recovery == "rack" {
		rack = tcpip.TCPRACKLossDetection
	}
	for _, option := range []tcpip.SettableTransportProtocolOption{&sack, &control, &rack} {
		if wrong := s.SetTransportProtocolOption(tcp.ProtocolNumber, option); wrong != nil {
			must("option", wrong)
		}
	}
	return s
}

func echo(c *gonet.TCPConn, port int) error {
	if _, err := io.Copy(c, c); err != nil {
		return err
	}
	return c.CloseWrite()
}

func exchange(c *gonet.TCPConn, port int) error {
	heard := make(chan error, 1)
	go func() {
		file, err := os.Create(fmt.Sprint(port, ".in"))
		if err == nil {
			_, err = io.Copy(file, c)
			file.Close()
		}
		heard <- err
	}()
	file, err := os.Open(fmt.Sprint(port, ".out"))
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err = io.Copy(c, file); err != nil {
		return err
	}
	if err = c.CloseWrite(); err != nil {
		return err
	}
	return <-heard
}

func serve(c *gonet.TCPConn, port int, how func(*gonet.TCPConn, int) error) {
	err := how(c, port)
	c.Close()
	if err != nil {
		say("failed %d: %v", port, err)
	} else {
		say("end %d", port)
	}
}

func listen(s *stack.Stack, port int, how func(*gonet.TCPConn, int) error) {
	l, err := gonet.ListenTCP(s, tcpip.FullAddress{NIC: nic, Port: uint16(port)}, ipv4.ProtocolNumber)
	must("listen", err)
	say("listening %d", port)
	for {
		c, err := l.Accept()
		must("accept", err)
		go serve(c.(*gonet.TCPConn), port, how)
	}
}

func connect(s *stack.Stack, port int, address string) {
	to := tcpip.FullAddress{NIC: nic, Addr: addressOf(address), Port: uint16(port)}
	c, err := gonet.DialTCP(s, to, ipv4.ProtocolNumber)
	if err != nil {
		say("failed %d: %v", port, err)
		return
	}
	serve(c, port, exchange)
}

func main() {
	if len(os.Args) != 6 {
		must("arguments", "DEVICE ADDRESS/BITS GATEWAY reno|cubic rack|sack")
	}
	s := host(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5])
	say("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		words := strings.Fields(lines.Text())
		port, err := strconv.Atoi(words[1])
		must(lines.Text(), err)
		switch words[0] {
		case "echo":
			go listen(s, port, echo)
		case "exchange":
			go listen(s, port, exchange)
		case "connect":
			go connect(s, port, words[2])
		}
	}
}

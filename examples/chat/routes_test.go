package main

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/sansrtc/rtc"
	"github.com/sansrtc/rtc/ice"
	"github.com/sansrtc/rtc/stun"
)

func TestRoutes(t *testing.T) {
	path := func(remote string) ice.Path {
		return ice.Path{Local: netip.MustParseAddrPort("10.0.0.1:1"), Remote: netip.MustParseAddrPort(remote)}
	}
	message := func(class stun.Class, username string) []byte {
		b := stun.NewBuilder(nil, class, stun.Binding, stun.TransactionID{})
		if username != "" {
			b.Username(username, "browser")
		}
		return b.Bytes()
	}
	request := func(username string) []byte { return message(stun.Request, username) }
	response := message(stun.Success, "")
	record := []byte{22, 0xfe, 0xfd, 0}

	r := newRoutes()
	a, b := &session{id: "a"}, &session{id: "b"}
	x, y := path("10.0.0.2:2"), path("10.0.0.3:3")
	require.Nil(t, r.find(x, request("AAAA")))

	r.addUfrag(a, "AAAA")
	r.addUfrag(b, "BBBB")
	require.Same(t, a, r.find(x, request("AAAA")))
	require.Same(t, b, r.find(x, request("BBBB")))
	require.Nil(t, r.find(x, request("CCCC")))
	require.Nil(t, r.find(x, response), "nobody has asked")
	require.Nil(t, r.find(x, record), "nobody owns the address")

	r.noteSent(a, rtc.Transmit{Local: x.Local, Remote: x.Remote, Data: request("CCCC")})
	require.Same(t, a, r.find(x, response), "the answer to a check of a")
	require.Nil(t, r.find(x, record), "an address that was asked is not proved")
	r.noteSent(b, rtc.Transmit{Local: y.Local, Remote: y.Remote, Data: record})
	require.Nil(t, r.find(y, response), "a record is no check")

	r.addPath(a, x)
	require.Same(t, a, r.find(x, record))
	r.noteSent(b, rtc.Transmit{Local: x.Local, Remote: x.Remote, Data: request("CCCC")})
	require.Same(t, a, r.find(x, response), "what is proved goes before what is asked")

	// The browser opens the page anew from the same address.
	r.addPath(b, x)
	require.Same(t, b, r.find(x, record))
	r.removePath(a, x)
	require.Same(t, b, r.find(x, record), "the address is another's now")

	r.remove(b)
	r.remove(a)
	require.Equal(t, newRoutes(), r, "nothing must be left")
}

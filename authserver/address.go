package authserver

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// address is the network that a request came from, for limits: an IPv4 address or
// an IPv6 /64, which is what one subscriber has.
func (s *Server) address(r *http.Request) string {
	a := s.clientAddress(r)
	if a.Is4() || !a.IsValid() {
		return a.String()
	}
	return netip.PrefixFrom(a, 64).Masked().String()
}

// clientAddress is the peer, or where that is a trusted proxy, whom the proxy says
// it speaks for: the last address of its header that is not itself a trusted proxy.
// What stands before that was written by strangers. Where proxies set one header
// and pass on another that says otherwise, the peer is all that is known.
func (s *Server) clientAddress(r *http.Request) netip.Addr {
	peer := parseAddress(r.RemoteAddr)
	if !s.trusted(peer) {
		return peer
	}
	forwarded, first := s.lastStranger(peer, r.Header.Values("X-Forwarded-For"), func(hop string) string { return hop })
	standard, second := s.lastStranger(peer, r.Header.Values("Forwarded"), forParameter)
	switch {
	case first && second && forwarded != standard:
		return peer
	case second:
		return standard
	default:
		return forwarded
	}
}

// lastStranger reads the hops of a header from the right, for as long as trusted
// proxies wrote them. present: the header is there.
func (s *Server) lastStranger(peer netip.Addr, lines []string, hopOf func(string) string) (a netip.Addr, present bool) {
	known := peer
	for _, hop := range slices.Backward(strings.Split(strings.Join(lines, ","), ",")) {
		a := parseAddress(hopOf(strings.TrimSpace(hop)))
		if !a.IsValid() {
			break // no address, or "unknown": the last proxy that is known stands for it
		}
		known = a
		if !s.trusted(a) {
			break
		}
	}
	return known, len(lines) > 0
}

func (s *Server) trusted(a netip.Addr) bool {
	return slices.ContainsFunc(s.proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// parseAddress reads an address with or without port and brackets.
func parseAddress(text string) netip.Addr {
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap().WithZone("")
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// forParameter returns the node of a Forwarded element (RFC 7239 section 4).
func forParameter(element string) string {
	for pair := range strings.SplitSeq(element, ";") {
		if name, value, ok := strings.Cut(strings.TrimSpace(pair), "="); ok && strings.EqualFold(name, "for") {
			return strings.Trim(value, `"`)
		}
	}
	return ""
}

package serve

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"time"
)

// pageURL is what to open for a server that listens at a. If others can reach it and it is not to be
// insecure, that is HTTPS, and the certificate for it is returned too.
func pageURL(a net.Addr, insecure bool, now time.Time) (string, *tls.Certificate, error) {
	at, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return "", nil, err
	}
	switch {
	case at.Addr().Unmap().IsLoopback(), insecure && at.Addr().IsUnspecified():
		return fmt.Sprintf("http://localhost:%d/", at.Port()), nil, nil
	case insecure:
		return fmt.Sprintf("http://%v/", at), nil, nil
	}
	hosts := []string{at.Addr().String()}
	if at.Addr().IsUnspecified() {
		if hosts, err = localHosts(); err != nil {
			return "", nil, err
		}
	}
	cert, err := selfSigned(hosts, now)
	if err != nil {
		return "", nil, err
	}
	return fmt.Sprintf("https://%s/", net.JoinHostPort(hosts[0], fmt.Sprint(at.Port()))), cert, nil
}

// selfSigned makes a certificate for a web server at these addresses. Nobody vouches for it.
func selfSigned(hosts []string, now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: "sansrtc"},
		DNSNames:     []string{"localhost"},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.AddDate(0, 0, 30),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}

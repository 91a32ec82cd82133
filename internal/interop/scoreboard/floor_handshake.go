package main

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"time"
)

// handshakeFloor is the asymmetric cryptography that a DTLS handshake with mutual
// ECDSA P-256 certificates cannot do without, both sides together, and nothing else:
//
//   - two ephemeral keys and two agreements on the curve;
//   - for the hybrid group an ML-KEM-768 key, an encapsulation and a decapsulation;
//   - two signatures and two verifications;
//   - two certificates parsed.
//
// No hash of the transcript, no key schedule, no record, no message.
type handshakeFloor struct {
	curve  ecdh.Curve
	hybrid bool
	key    *ecdsa.PrivateKey
	der    []byte
	digest [32]byte
}

func newHandshakeFloor(curve ecdh.Curve, hybrid bool) *handshakeFloor {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "WebRTC"},
		NotBefore:    time.Now(),
		NotAfter:     time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return &handshakeFloor{curve: curve, hybrid: hybrid, key: key, der: der, digest: sha256.Sum256(der)}
}

// run does all of it once.
func (f *handshakeFloor) run() {
	client, server := f.ephemeral(), f.ephemeral()
	f.agree(client, server.PublicKey())
	f.agree(server, client.PublicKey())
	if f.hybrid {
		f.encapsulate()
	}
	for range 2 {
		cert, err := x509.ParseCertificate(f.der)
		if err != nil {
			panic(err)
		}
		signature, err := ecdsa.SignASN1(rand.Reader, f.key, f.digest[:])
		if err != nil {
			panic(err)
		}
		if !ecdsa.VerifyASN1(cert.PublicKey.(*ecdsa.PublicKey), f.digest[:], signature) {
			panic("scoreboard: signature does not verify")
		}
	}
}

func (f *handshakeFloor) ephemeral() *ecdh.PrivateKey {
	key, err := f.curve.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func (f *handshakeFloor) agree(key *ecdh.PrivateKey, peer *ecdh.PublicKey) {
	public, err := f.curve.NewPublicKey(peer.Bytes()) // as it comes off the wire
	if err != nil {
		panic(err)
	}
	if _, err := key.ECDH(public); err != nil {
		panic(err)
	}
}

func (f *handshakeFloor) encapsulate() {
	key, err := mlkem.GenerateKey768()
	if err != nil {
		panic(err)
	}
	public, err := mlkem.NewEncapsulationKey768(key.EncapsulationKey().Bytes())
	if err != nil {
		panic(err)
	}
	_, ciphertext := public.Encapsulate()
	if _, err := key.Decapsulate(ciphertext); err != nil {
		panic(err)
	}
}

package dtls

const (
	maxCertificateBytes = 16000 // all certificates of a Certificate message
	minRSABits          = 2048
	maxRSABits          = 8192
)

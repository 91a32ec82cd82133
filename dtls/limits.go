package dtls

// Limits on what a peer can make us hold or do.
const (
	maxCertificateBytes = 16000 // all certificates of a Certificate message
	maxChain            = 10    // certificates of a Certificate message
	minRSABits          = 2048
	maxRSABits          = 8192
	maxExtensions       = 128
	maxKeyShares        = 32

	maxMessage    = 17000     // one handshake message
	maxLookAhead  = 12        // messages that are collected beside the one expected
	maxAheadBytes = 32 * 1024 // of memory for those messages
	maxRanges     = 128       // pieces of one message with holes between them

	maxHeldRecords = 32        // records that wait for keys
	maxHeldBytes   = 24 * 1024 // of such records

	maxAcks        = 64  // record numbers that we acknowledge
	maxAckEntries  = 256 // record numbers of one ACK that we look at
	maxTransmitted = 8   // transmissions of a record that we remember

	maxQueuedEvents = 1024       // EventData that waits for NextEvent
	maxQueuedBytes  = 512 * 1024 // of such data

	maxPlaintext  = 1 << 14 // content of a record
	maxCiphertext = maxPlaintext + 2048
)

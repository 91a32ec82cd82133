// One direction of libsrtp, for comparison: reads requests from standard input and writes
// answers to standard output until the input ends.
//
//   request: operation (1 byte: 0 protect RTP, 1 unprotect RTP, 2 protect RTCP,
//            3 unprotect RTCP), length (2 bytes, big-endian), packet
//   answer:  status of libsrtp (1 byte), length (2 bytes), packet
//
// Arguments: the number of the protection profile, and master key and salt in hex.
#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static srtp_t open_session(srtp_profile_t profile, unsigned char *key, srtp_ssrc_type_t type) {
	srtp_policy_t policy;
	srtp_t session;
	memset(&policy, 0, sizeof policy);
	if (srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, profile) ||
	    srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, profile)) {
		fprintf(stderr, "profile %d is not known\n", profile);
		exit(1);
	}
	policy.ssrc.type = type;
	policy.key = key;
	policy.window_size = 512;
	srtp_err_status_t status = srtp_create(&session, &policy);
	if (status) {
		fprintf(stderr, "srtp_create: %d\n", status);
		exit(1);
	}
	return session;
}

int main(int argc, char **argv) {
	// Aligned, and with room for what protection adds.
	static unsigned char key[64];
	static union { unsigned char bytes[65536 + SRTP_MAX_TRAILER_LEN]; long align; } packet;
	if (argc != 3 || srtp_init()) {
		return 1;
	}
	for (size_t i = 0; i < strlen(argv[2]) / 2 && i < sizeof key; i++) {
		sscanf(argv[2] + 2 * i, "%2hhx", &key[i]);
	}
	srtp_profile_t profile = (srtp_profile_t)atoi(argv[1]);
	srtp_t outbound = open_session(profile, key, ssrc_any_outbound);
	srtp_t inbound = open_session(profile, key, ssrc_any_inbound);

	unsigned char head[3];
	while (fread(head, 1, 3, stdin) == 3) {
		int size = head[1] << 8 | head[2];
		if (fread(packet.bytes, 1, size, stdin) != (size_t)size) {
			return 1;
		}
		srtp_err_status_t status = srtp_err_status_bad_param;
		switch (head[0]) {
		case 0: status = srtp_protect(outbound, packet.bytes, &size); break;
		case 1: status = srtp_unprotect(inbound, packet.bytes, &size); break;
		case 2: status = srtp_protect_rtcp(outbound, packet.bytes, &size); break;
		case 3: status = srtp_unprotect_rtcp(inbound, packet.bytes, &size); break;
		}
		if (status) {
			size = 0;
		}
		head[0] = status, head[1] = size >> 8, head[2] = size;
		fwrite(head, 1, 3, stdout);
		fwrite(packet.bytes, 1, size, stdout);
		fflush(stdout);
	}
	return 0;
}

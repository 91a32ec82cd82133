// werift: ICE, DTLS and SCTP in TypeScript.
import { RTCPeerConnection } from 'werift';
import { drive } from './driver.mjs';

// It gathers no loopback candidate unless it is named here.
drive({ PeerConnection: RTCPeerConnection, configuration: { iceAdditionalHostAddresses: ['127.0.0.1'] } });

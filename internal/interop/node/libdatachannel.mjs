// libdatachannel (libjuice, usrsctp) by way of node-datachannel.
import { RTCPeerConnection } from 'node-datachannel/polyfill';
import { drive } from './driver.mjs';

// It gathers no loopback candidate unless it is bound to loopback.
drive({ PeerConnection: RTCPeerConnection, configuration: { bindAddress: '127.0.0.1' } });

// libwebrtc by way of @roamhq/wrtc.
import wrtc from '@roamhq/wrtc';
import { drive } from './driver.mjs';
import { media } from './media.mjs';

drive({ PeerConnection: wrtc.RTCPeerConnection, more: media(wrtc) });

// libwebrtc by way of @roamhq/wrtc.
import wrtc from '@roamhq/wrtc';
import { drive } from './driver.mjs';

drive({ PeerConnection: wrtc.RTCPeerConnection });

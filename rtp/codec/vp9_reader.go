package codec

// A vp9Reader reads VP9. Its frames are pictures: the layer frames of one time.
type vp9Reader struct {
	first   vp9Descriptor // of the picture that is being put together
	last    vp9Descriptor // of its last packet
	inLayer bool          // a layer frame has begun and not ended
	layers  int           // layer frames that have begun
	ends    [maxVP9Layers]int
	refs    [maxVP9Layers][3]uint8 // of each layer frame

	temporal temporalLayers // without the flexible mode
	pictures pictureHistory // in the flexible mode
	lossy    bool           // something has been lost since the last key frame
}

func (r *vp9Reader) begin() { r.inLayer, r.layers = false, 0 }

func (r *vp9Reader) add(d *Depacketizer, payload []byte) error {
	desc, data, err := parseVP9(payload)
	if err != nil {
		return err
	}
	if d.frame.Packets == 1 {
		r.first = desc
		d.frame.KeyFrame = desc.independent()
	}
	switch {
	case desc.pictureID != r.first.pictureID || desc.flexible != r.first.flexible:
		return ErrMalformed
	case desc.start == r.inLayer:
		return ErrIncomplete // a beginning or an end is missing
	case desc.start:
		if err := r.startLayer(&desc); err != nil {
			return err
		}
	case desc.spatialID != r.last.spatialID:
		return ErrMalformed
	}
	r.last = desc
	r.inLayer = !desc.end
	d.buf = append(d.buf, data...)
	r.ends[r.layers-1] = d.size()
	d.frame.Layer.TemporalID = desc.temporalID
	d.frame.Layer.SpatialID = desc.spatialID
	d.frame.Layer.Sync = desc.sync
	return nil
}

// startLayer begins the next layer frame of the picture.
func (r *vp9Reader) startLayer(desc *vp9Descriptor) error {
	if r.layers == 0 {
		if desc.interLayer {
			return ErrIncomplete // the lower layer is missing
		}
	} else if desc.spatialID <= r.last.spatialID {
		return ErrMalformed // layer frames come in the order of their ids
	}
	r.refs[r.layers] = desc.references
	r.layers++ // at most 8: there are no more ids
	return nil
}

func (r *vp9Reader) complete(d *Depacketizer) completeness {
	if r.inLayer {
		return incomplete
	}
	if r.layers > 1 {
		var sizes [maxVP9Layers]uint32
		begin := 0
		for i, end := range r.ends[:r.layers] {
			sizes[i] = uint32(end - begin)
			begin = end
		}
		d.buf = appendSuperframeIndex(d.buf, sizes[:r.layers])
	}
	return complete
}

func (r *vp9Reader) judge(f *Frame, gap bool) verdict {
	if f.KeyFrame {
		r.temporal.keyFrame(r.first.pictureID, r.first.tl0, f.Timestamp)
		r.pictures = pictureHistory{}
		r.pictures.add(r.first.pictureID)
		r.lossy = false
		return frameYielded
	}
	if r.first.flexible {
		return r.judgeFlexible(f, gap)
	}
	if !r.temporal.follow(r.first.pictureID, r.first.tl0, f, gap) {
		return frameAwaited
	}
	tid := f.Layer.TemporalID
	if tid > 0 && !r.temporal.intactUpTo(tid) {
		return frameSkipped // as everything above the base layer until a switching up point
	}
	if f.Layer.Sync {
		// From a switching up point on, pictures of higher layers depend on none before it.
		r.temporal.restoreAbove(tid)
	}
	return frameYielded
}

// judgeFlexible yields a picture whose references were yielded, once something was lost.
// Before that they may be pictures that a forwarder has left out, and are not looked at.
func (r *vp9Reader) judgeFlexible(f *Frame, gap bool) verdict {
	r.lossy = r.lossy || gap
	if gap && f.Timestamp-r.temporal.timestamp > longGap {
		return frameAwaited
	}
	r.temporal.timestamp = f.Timestamp
	if r.lossy && !r.hasReferences() {
		if f.Layer.TemporalID > 0 {
			return frameSkipped
		}
		return frameAwaited
	}
	r.pictures.add(r.first.pictureID)
	return frameYielded
}

func (r *vp9Reader) hasReferences() bool {
	for _, refs := range r.refs[:r.layers] {
		for _, diff := range refs {
			if diff != 0 && !r.pictures.has(r.first.pictureID, diff) {
				return false
			}
		}
	}
	return true
}

// A pictureHistory remembers which of the last 128 pictures were yielded.
type pictureHistory struct {
	last pictureID
	seen [2]uint64 // bit i of the 128: the picture last-i
}

func (h *pictureHistory) add(id pictureID) {
	n := id.distance(h.last)
	switch {
	case n < 0 || n >= 128:
		h.seen = [2]uint64{}
	case n >= 64:
		h.seen = [2]uint64{0, h.seen[0] << (n - 64)}
	default:
		h.seen[1] = h.seen[1]<<n | h.seen[0]>>(64-n)
		h.seen[0] <<= n
	}
	h.seen[0] |= 1
	h.last = id
}

// has reports whether the picture that is diff before id was yielded.
func (h *pictureHistory) has(id pictureID, diff uint8) bool {
	back := int(diff) - id.distance(h.last) // before the last
	if id.distance(h.last) < 0 || back < 0 || back >= 128 {
		return false
	}
	return h.seen[back/64]>>(back%64)&1 != 0
}

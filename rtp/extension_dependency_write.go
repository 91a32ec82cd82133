package rtp

import "math/bits"

// AppendTo appends the value of the extension, for a stream with structure s. What is not
// custom is left to the template. It returns false, and dst as it was, for a structure or
// a frame that cannot be written.
func (d *DependencyDescriptor) AppendTo(dst []byte, s *DependencyStructure) ([]byte, bool) {
	if !s.valid() || s.Template(d.TemplateID) == nil || int(d.Frame.DiffCount) > MaxFrameDiffs {
		return dst, false
	}
	w := bitWriter{b: dst}
	w.bool(d.StartOfFrame)
	w.bool(d.EndOfFrame)
	w.bits(uint32(d.TemplateID), 6)
	w.bits(uint32(d.FrameNumber), 16)
	if !d.HasStructure && !d.HasActiveTargets && !d.CustomDTIs && !d.CustomDiffs && !d.CustomChains {
		return w.b, true
	}
	w.bool(d.HasStructure)
	w.bool(d.HasActiveTargets)
	w.bool(d.CustomDTIs)
	w.bool(d.CustomDiffs)
	w.bool(d.CustomChains)
	if d.HasStructure {
		s.write(&w)
	}
	if d.HasActiveTargets {
		w.bits(d.ActiveTargets, s.DecodeTargets)
	}
	if d.CustomDTIs {
		d.Frame.writeDTIs(&w, s.DecodeTargets)
	}
	if d.CustomDiffs {
		for _, diff := range d.Frame.Diffs[:d.Frame.DiffCount] {
			size := max(1, (bits.Len16(diff-1)+3)/4)
			if diff == 0 || size > 3 {
				return dst, false
			}
			w.bits(uint32(size), 2)
			w.bits(uint32(diff-1), 4*size)
		}
		w.bits(0, 2)
	}
	if d.CustomChains {
		for _, diff := range d.Frame.ChainDiffs[:s.Chains] {
			w.bits(uint32(diff), 8)
		}
	}
	return w.b, true
}

// valid reports whether a structure is within its bounds, and can be written.
func (s *DependencyStructure) valid() bool {
	if s.DecodeTargets < 1 || s.DecodeTargets > MaxDecodeTargets || s.Chains < 0 || s.Chains > s.DecodeTargets ||
		len(s.Templates) < 1 || len(s.Templates) > MaxTemplates || s.TemplateIDOffset >= MaxTemplates {
		return false
	}
	var last FrameDependencies
	for i := range s.Templates {
		t := &s.Templates[i]
		if layerStep(&last, t) == layerEnd || int(t.DiffCount) > MaxFrameDiffs {
			return false
		}
		if i == 0 && (t.SpatialID != 0 || t.TemporalID != 0) {
			return false
		}
		for _, diff := range t.Diffs[:t.DiffCount] {
			if diff < 1 || diff > 16 {
				return false
			}
		}
		for _, diff := range t.ChainDiffs[:s.Chains] {
			if diff > 15 {
				return false
			}
		}
		last = *t
	}
	for _, chain := range s.ProtectedBy[:s.DecodeTargets] {
		if s.Chains > 0 && int(chain) >= s.Chains {
			return false
		}
	}
	if last.SpatialID > maxSpatialID {
		return false
	}
	for _, r := range s.Resolutions[:last.SpatialID+1] {
		if s.HasResolutions && (r.Width < 1 || r.Width > 1<<16 || r.Height < 1 || r.Height > 1<<16) {
			return false
		}
	}
	return true
}

// layerStep returns how the layer of a template follows from that of the one before; layerEnd
// if it does not.
func layerStep(last, t *FrameDependencies) uint32 {
	switch {
	case t.SpatialID == last.SpatialID && t.TemporalID == last.TemporalID:
		return layerSame
	case t.SpatialID == last.SpatialID && t.TemporalID == last.TemporalID+1 && t.TemporalID <= maxTemporalID:
		return layerNextTemporal
	case t.SpatialID == last.SpatialID+1 && t.TemporalID == 0:
		return layerNextSpatial
	default:
		return layerEnd
	}
}

func (s *DependencyStructure) write(w *bitWriter) {
	w.bits(uint32(s.TemplateIDOffset), 6)
	w.bits(uint32(s.DecodeTargets-1), 5)
	for i := range s.Templates {
		if i > 0 {
			w.bits(layerStep(&s.Templates[i-1], &s.Templates[i]), 2)
		}
	}
	w.bits(layerEnd, 2)
	for i := range s.Templates {
		s.Templates[i].writeDTIs(w, s.DecodeTargets)
	}
	for i := range s.Templates {
		for _, diff := range s.Templates[i].Diffs[:s.Templates[i].DiffCount] {
			w.bool(true)
			w.bits(uint32(diff-1), 4)
		}
		w.bool(false)
	}
	w.nonSymmetric(uint32(s.Chains), uint32(s.DecodeTargets)+1)
	if s.Chains > 0 {
		for _, chain := range s.ProtectedBy[:s.DecodeTargets] {
			w.nonSymmetric(uint32(chain), uint32(s.Chains))
		}
		for i := range s.Templates {
			for _, diff := range s.Templates[i].ChainDiffs[:s.Chains] {
				w.bits(uint32(diff), 4)
			}
		}
	}
	w.bool(s.HasResolutions)
	if s.HasResolutions {
		for _, r := range s.Resolutions[:s.spatialLayers()] {
			w.bits(uint32(r.Width-1), 16)
			w.bits(uint32(r.Height-1), 16)
		}
	}
}

func (f *FrameDependencies) writeDTIs(w *bitWriter, targets int) {
	for _, dti := range f.DTIs[:targets] {
		w.bits(uint32(dti), 2)
	}
}

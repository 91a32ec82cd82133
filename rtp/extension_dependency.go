package rtp

import "errors"

// Bounds of what a dependency structure may hold. Those of layers, and of differences in one
// frame, are this package's; the others are the format's.
const (
	MaxDecodeTargets = 32
	MaxTemplates     = 64
	MaxFrameDiffs    = 16
	maxSpatialID     = 3
	maxTemporalID    = 7
)

// ErrNoTemplate is returned for a dependency descriptor that refers to a template which is not
// known, because the packet with the dependency structure has not come, or another one has.
var ErrNoTemplate = errors.New("rtp: unknown dependency template")

// DTI is a decode target indication: what a frame is to a decode target.
type DTI uint8

const (
	DTINotPresent  DTI = iota // not a part of it
	DTIDiscardable            // nothing depends on it
	DTISwitch                 // one can begin with it
	DTIRequired               // neither of those
)

// FrameDependencies are the place of a frame in a stream of layers, or those of all frames
// that refer to a template.
type FrameDependencies struct {
	SpatialID  uint8
	TemporalID uint8
	DTIs       [MaxDecodeTargets]DTI // by decode target
	// Diffs are the distances back to the frames that this one depends on, in frame numbers:
	// the first DiffCount of them.
	Diffs     [MaxFrameDiffs]uint16
	DiffCount uint8
	// ChainDiffs are the distances back to the previous frame of each chain. Zero: none.
	ChainDiffs [MaxDecodeTargets]uint8
}

// A DependencyStructure says of which layers and decode targets a coded video sequence
// consists. It comes with the first packet of a key frame.
// https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension
type DependencyStructure struct {
	TemplateIDOffset uint8 // id of the first template
	DecodeTargets    int   // 1 to MaxDecodeTargets; zero: there is no structure
	Chains           int   // 0 to DecodeTargets
	// ProtectedBy is the chain that protects each decode target, if there are chains.
	ProtectedBy [MaxDecodeTargets]uint8
	Templates   []FrameDependencies // 1 to MaxTemplates
	// HasResolutions says whether Resolutions is set, for each spatial layer.
	HasResolutions bool
	Resolutions    [maxSpatialID + 1]Resolution
}

// Resolution is a size in pixels.
type Resolution struct {
	Width, Height int // 1 to 65536
}

// spatialLayers returns the number of spatial layers.
func (s *DependencyStructure) spatialLayers() int {
	// The templates are in order of spatial id.
	return int(s.Templates[len(s.Templates)-1].SpatialID) + 1
}

// Template returns the template with an id, or nil.
func (s *DependencyStructure) Template(id uint8) *FrameDependencies {
	i := int(id-s.TemplateIDOffset) & (MaxTemplates - 1)
	if i >= len(s.Templates) {
		return nil
	}
	return &s.Templates[i]
}

// DecodeTargetLayers returns the highest spatial and temporal layers of a decode target.
func (s *DependencyStructure) DecodeTargetLayers(target int) (spatial, temporal uint8) {
	for i := range s.Templates {
		if t := &s.Templates[i]; t.DTIs[target] != DTINotPresent {
			spatial, temporal = max(spatial, t.SpatialID), max(temporal, t.TemporalID)
		}
	}
	return spatial, temporal
}

// A DependencyDescriptor says of a packet to which frame it belongs and what that depends on.
type DependencyDescriptor struct {
	StartOfFrame bool // the packet is the first of the frame
	EndOfFrame   bool // the packet is the last of the frame
	TemplateID   uint8
	FrameNumber  uint16
	// HasStructure says that the packet brings a new structure, as the first packet of a key
	// frame does.
	HasStructure bool
	// HasActiveTargets says that the packet tells which decode targets are active.
	// ActiveTargets are those told about last, a bit for each.
	HasActiveTargets bool
	ActiveTargets    uint32
	// The packet does not leave these to the template.
	CustomDTIs, CustomDiffs, CustomChains bool

	Frame      FrameDependencies
	Resolution Resolution // of the frame; zero if not known
}

// A DependencyReader reads the dependency descriptors of one stream. The zero value is ready.
type DependencyReader struct {
	// Structure is the latest that has come.
	Structure DependencyStructure

	active uint32
	next   DependencyStructure // the room for another
}

// Read decodes the value of the extension into d. It returns ErrMalformed, or ErrNoTemplate,
// with which the first four fields of d are valid. With an error nothing changes in r.
func (r *DependencyReader) Read(v []byte, d *DependencyDescriptor) error {
	*d = DependencyDescriptor{ActiveTargets: r.active}
	b := bitReader{b: v}
	d.StartOfFrame = b.bool()
	d.EndOfFrame = b.bool()
	d.TemplateID = uint8(b.bits(6))
	d.FrameNumber = uint16(b.bits(16))
	if b.failed {
		return ErrMalformed
	}
	s := &r.Structure
	if len(v) > 3 {
		d.HasStructure = b.bool()
		d.HasActiveTargets = b.bool()
		d.CustomDTIs = b.bool()
		d.CustomDiffs = b.bool()
		d.CustomChains = b.bool()
		if d.HasStructure {
			s = &r.next
			if !s.parse(&b) {
				return ErrMalformed
			}
			d.ActiveTargets = uint32(1<<s.DecodeTargets - 1)
		}
		if d.HasActiveTargets {
			d.ActiveTargets = b.bits(s.DecodeTargets)
		}
	}
	template := s.Template(d.TemplateID)
	if template == nil {
		return ErrNoTemplate
	}
	d.Frame = *template
	if d.CustomDTIs {
		d.Frame.readDTIs(&b, s.DecodeTargets)
	}
	if d.CustomDiffs {
		d.Frame.readDiffs(&b)
	}
	if d.CustomChains {
		for i := range s.Chains {
			d.Frame.ChainDiffs[i] = uint8(b.bits(8))
		}
	}
	if b.failed {
		return ErrMalformed
	}
	if s.HasResolutions {
		d.Resolution = s.Resolutions[d.Frame.SpatialID]
	}
	if d.HasStructure {
		r.Structure, r.next = r.next, r.Structure
	}
	r.active = d.ActiveTargets
	return nil
}

func (f *FrameDependencies) readDTIs(b *bitReader, targets int) {
	for i := range targets {
		f.DTIs[i] = DTI(b.bits(2))
	}
}

func (f *FrameDependencies) readDiffs(b *bitReader) {
	f.DiffCount, f.Diffs = 0, [MaxFrameDiffs]uint16{}
	for {
		size := b.bits(2)
		if size == 0 {
			return
		}
		f.addDiff(b, b.bits(4*int(size))+1)
		if b.failed {
			return
		}
	}
}

func (f *FrameDependencies) addDiff(b *bitReader, diff uint32) {
	if int(f.DiffCount) == len(f.Diffs) {
		b.failed = true
		return
	}
	f.Diffs[f.DiffCount] = uint16(diff)
	f.DiffCount++
}

// parse decodes a structure into s, whose Templates are used again.
func (s *DependencyStructure) parse(b *bitReader) bool {
	*s = DependencyStructure{Templates: s.Templates[:0]}
	s.TemplateIDOffset = uint8(b.bits(6))
	s.DecodeTargets = int(b.bits(5)) + 1
	s.parseLayers(b)
	if b.failed {
		return false
	}
	for i := range s.Templates {
		s.Templates[i].readDTIs(b, s.DecodeTargets)
	}
	for i := range s.Templates {
		for b.bool() && !b.failed {
			s.Templates[i].addDiff(b, b.bits(4)+1)
		}
	}
	s.Chains = int(b.nonSymmetric(uint32(s.DecodeTargets) + 1))
	if s.Chains > 0 {
		for i := range s.DecodeTargets {
			s.ProtectedBy[i] = uint8(b.nonSymmetric(uint32(s.Chains)))
		}
		for i := range s.Templates {
			for j := range s.Chains {
				s.Templates[i].ChainDiffs[j] = uint8(b.bits(4))
			}
		}
	}
	if s.HasResolutions = b.bool(); s.HasResolutions {
		for i := range s.spatialLayers() {
			s.Resolutions[i] = Resolution{int(b.bits(16)) + 1, int(b.bits(16)) + 1}
		}
	}
	return !b.failed
}

// Values of next_layer_idc: how the layer of a template follows from the one before.
const (
	layerSame = iota
	layerNextTemporal
	layerNextSpatial
	layerEnd
)

// parseLayers makes the templates.
func (s *DependencyStructure) parseLayers(b *bitReader) {
	var t FrameDependencies
	for next := uint32(layerSame); next != layerEnd; next = b.bits(2) {
		switch next {
		case layerNextTemporal:
			t.TemporalID++
		case layerNextSpatial:
			t.SpatialID, t.TemporalID = t.SpatialID+1, 0
		}
		if b.failed || len(s.Templates) == MaxTemplates || t.SpatialID > maxSpatialID || t.TemporalID > maxTemporalID {
			b.failed = true
			return
		}
		s.Templates = append(s.Templates, t)
	}
}

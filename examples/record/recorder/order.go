package recorder

// interleave writes the blocks of all streams in the order of their time, as far as nothing earlier can come.
func (r *Recorder) interleave() {
	for r.err == nil {
		s := r.next()
		if s == nil {
			return
		}
		b := s.queue[0]
		s.queue[0] = nil
		s.queue = s.queue[1:]
		r.held -= len(b.data)
		r.write(s, b)
	}
}

// next returns the stream with the earliest block, or nil if it is not known yet which that is: a stream may have to be
// placed, or be late. That is waited for as long as neither time nor memory is short.
func (r *Recorder) next() *stream {
	var first *stream
	hurry := r.closing || r.held > maxHeld
	for _, s := range r.streams {
		if len(s.queue) == 0 {
			continue
		}
		overdue := hurry || r.now.Sub(s.queue[0].arrived) >= patience
		if !s.anchored {
			if !overdue {
				return nil
			}
			r.line.guess(s)
		}
		if first == nil || s.queue[0].at < first.queue[0].at {
			first = s
		}
		hurry = hurry || overdue
	}
	if first == nil {
		return nil
	}
	for _, s := range r.streams {
		if len(s.queue) > 0 || !s.expected || s.silent {
			continue
		}
		if !hurry {
			return nil
		}
		s.silent = true // until it is heard of again
	}
	return first
}

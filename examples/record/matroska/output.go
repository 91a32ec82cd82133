package matroska

import "sync"

// output is the file as ebml-go sees it. The library stops to take blocks when it cannot write one, and whoever has
// another would wait for ever; so writing never fails here, and the first failure is kept.
type output struct {
	file File

	mu  sync.Mutex
	err error
}

func (o *output) Write(b []byte) (int, error) {
	if o.failed() == nil {
		_, err := o.file.Write(b)
		o.fail(err)
	}
	return len(b), nil
}

func (o *output) WriteAt(b []byte, at int64) (int, error) {
	if o.failed() == nil {
		_, err := o.file.WriteAt(b, at)
		o.fail(err)
	}
	return len(b), nil
}

func (o *output) Close() error {
	o.fail(o.file.Close())
	return nil
}

func (o *output) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil {
		o.err = err
	}
}

func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

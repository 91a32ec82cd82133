package browser

import (
	"context"
	"encoding/json"
	"sync"
)

// calls pairs the replies of a browser with the calls that await them.
type calls struct {
	mu      sync.Mutex
	last    int
	waiting map[int]chan reply
	err     error // why there will be no more replies
}

type reply struct {
	result json.RawMessage
	err    error
}

// begin returns the number of a new call and where its reply will arrive.
func (c *calls) begin() (int, <-chan reply, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, nil, c.err
	}
	if c.waiting == nil {
		c.waiting = make(map[int]chan reply)
	}
	c.last++
	ch := make(chan reply, 1)
	c.waiting[c.last] = ch
	return c.last, ch, nil
}

// await waits for the reply to call id and decodes it to out unless out is nil.
func (c *calls) await(ctx context.Context, id int, ch <-chan reply, out any) error {
	select {
	case r := <-ch:
		if r.err != nil || out == nil {
			return r.err
		}
		return json.Unmarshal(r.result, out)
	case <-ctx.Done():
		c.mu.Lock()
		delete(c.waiting, id)
		c.mu.Unlock()
		return ctx.Err()
	}
}

// finish delivers the reply to call id. A reply that nobody awaits is dropped.
func (c *calls) finish(id int, r reply) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ch := c.waiting[id]; ch != nil {
		ch <- r
		delete(c.waiting, id)
	}
}

// fail ends all calls, now and later, with err.
func (c *calls) fail(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = err
	for id, ch := range c.waiting {
		ch <- reply{err: err}
		delete(c.waiting, id)
	}
}

package e2e_test

import (
	"sync/atomic"
	"time"
)

// clock runs with the wall clock, ahead of it by what a test adds.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

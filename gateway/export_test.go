package gateway

import "context"

// Acquire takes one of the places of key.
func Acquire(ctx context.Context, g *Gateway, key string) (func(), error) {
	return g.slots.acquire(ctx, key)
}

// Held counts the mailboxes that have requests under way or waiting.
func Held(g *Gateway) int {
	g.slots.mu.Lock()
	defer g.slots.mu.Unlock()
	return len(g.slots.held)
}

// SlotKey names the mailbox whose places a request takes.
var SlotKey = slotKey

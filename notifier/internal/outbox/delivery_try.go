package outbox

import (
	"context"
	"fmt"

	"github.com/dcousineau/phorever/notifier/internal/news"
)

// try sends a message once, on a goroutine of its own: a channel may ignore its context, and then it is left behind. cut tells
// that nobody waits for the answer any more.
func (c *Courier) try(m news.Message) (cut bool, err error) {
	if !c.mayTry() {
		return false, errStuck
	}
	ctx, cancel := context.WithTimeout(context.Background(), sendTimeout)
	answer := make(chan error, 1)
	left := false // the goroutine counts as stuck; under c.mu
	go func() {
		err := errGone // unless it comes back
		defer func() {
			cancel()
			c.mu.Lock()
			defer c.mu.Unlock()
			if left {
				c.stuck--
			}
			answer <- err
		}()
		err = send(ctx, c.channel, m)
	}()
	select {
	case err := <-answer:
		return false, err
	case <-c.hooks.After(sendTimeout + sendGrace):
	case <-c.cut:
		cut = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case err := <-answer: // just now
		return false, err
	default:
	}
	cancel()
	left = true
	c.stuck++
	return cut, errNoAnswer
}

func (c *Courier) mayTry() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stuck < mostStuck
}

// send makes an error of whatever a channel does but answer.
func send(ctx context.Context, channel news.Channel, m news.Message) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the channel panicked: %v", r)
		}
	}()
	_, err = channel.Send(ctx, m)
	return err
}

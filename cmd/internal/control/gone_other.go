//go:build !linux

package control

import "context"

func (c *Client) watchHolder(context.Context) (gone, release func()) {
	nothing := func() {}
	return nothing, nothing
}

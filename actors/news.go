package actors

import "github.com/dcousineau/phorever/notifier"

// What whoever asks sees of the news; see package notifier.
type (
	// NewsSink is how the news of one destination goes.
	NewsSink = notifier.SinkState
	// NewsMessage is a message that waits for its delivery, or that has failed for good.
	NewsMessage = notifier.Listed
	// NewsTried is how a sample went.
	NewsTried = notifier.Tried
	// NewsSilence is a time in which nothing is told of what it is about.
	NewsSilence = notifier.Silence
)

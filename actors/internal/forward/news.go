package forward

import "time"

// Note is something that happened to a target: a Failing, a Dropping or a Working.
type Note interface{ note() }

// Failing says that a target takes nothing. It is tried again until it does; meanwhile lines are kept as long as there is room.
type Failing struct {
	Target Target
	Err    error
	At     time.Time
}

// Dropping says that lines are being dropped, since when, and why.
type Dropping struct {
	Target Target
	Why    error
	At     time.Time
}

// Working says that a target works again and lines are kept, how many were dropped meanwhile, and why. It follows a Failing, a
// Dropping or both.
type Working struct {
	Target   Target
	Dropped  int64
	Why      error
	From, To time.Time // of the trouble
}

func (Failing) note()  {}
func (Dropping) note() {}
func (Working) note()  {}

// trouble is what was told and is not over.
type trouble struct {
	failing  bool
	dropping bool
	why      error
	from     time.Time
}

// failed tells the first time that the target fails.
func (f *Forwarder) failed(err error) {
	f.trouble.why = err
	if f.trouble.failing {
		return
	}
	f.trouble.failing = true
	at := f.options.Now()
	f.begin(at)
	f.options.Hear(Failing{f.target, err, at})
}

func (f *Forwarder) begin(at time.Time) {
	if f.trouble.from.IsZero() || at.Before(f.trouble.from) {
		f.trouble.from = at
	}
}

// report tells what is new of lines that are dropped and, if it works, that all is well again.
func (f *Forwarder) report() {
	lines, since, full := f.queue.loss(!f.trouble.failing)
	if lines > 0 && !f.trouble.dropping {
		f.trouble.dropping = true
		if f.trouble.why == nil {
			f.trouble.why = errSlow
		}
		f.begin(since)
		f.options.Hear(Dropping{f.target, f.trouble.why, since})
	}
	if f.trouble.failing || full || f.trouble.from.IsZero() {
		return
	}
	was := f.trouble
	f.trouble = trouble{}
	f.options.Hear(Working{f.target, lines, was.why, was.from, f.options.Now()})
}

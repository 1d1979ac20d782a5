package logs

import (
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// patience is how long a system call on a file may keep the others waiting. The kernel itself lets a writer pause for
// 200 ms at a time when too much is unwritten (MAX_PAUSE in mm/page-writeback.c); a hand-over for that does no harm.
const patience = 100 * time.Millisecond

// baton is the right to be the pump's goroutine. No system call on a file on a dead network mount ever returns, and none
// can be made not to block. So a watchdog takes the baton from a goroutine that hangs in one and gives it to a new one,
// for which that file is stuck; the old goroutine notices when its call returns, leaves a note, and ends.
type baton struct {
	pump    *Pump
	word    atomic.Uint64 // how often it was taken, times two; odd during a call
	calls   atomic.Uint64
	awakes  atomic.Bool // the loop is not in epoll_wait
	watched atomic.Bool // the timer runs; it does not while the pump is idle
	timer   *time.Timer
	seen    uint64 // calls at the last look; the timer's
	file    *File  // of the call
}

func (b *baton) init(p *Pump) {
	b.pump = p
	b.timer = time.AfterFunc(time.Hour, b.look)
	b.timer.Stop()
}

// awake has the goroutine watched.
func (b *baton) awake() {
	b.awakes.Store(true)
	b.watch()
}

func (b *baton) watch() {
	if b.watched.CompareAndSwap(false, true) {
		b.timer.Reset(patience)
	}
}

func (b *baton) asleep() { b.awakes.Store(false) }

// look takes the baton if the same call was there at the last look.
func (b *baton) look() {
	if !b.awakes.Load() {
		b.watched.Store(false)
		if b.awakes.Load() { // just now; it may not have seen that nobody watches
			b.watch()
		}
		return
	}
	word, calls := b.word.Load(), b.calls.Load()
	if word&1 == 1 && calls == b.seen && b.word.CompareAndSwap(word, word+1) {
		file := b.file // cannot change any more
		go func() {
			b.pump.takeOver(file)
			b.pump.loop()
		}()
	}
	b.seen = calls
	b.timer.Reset(patience)
}

// call is what a system call on a file was for.
type call int

const (
	moving call = iota // of the batch that is parked at the file when the call takes long
	opening
	looking
	marking
)

// guard makes a system call that may hang. If it took so long that another goroutine has the pump, guard does not return:
// the goroutine ends here. So whoever calls it has to leave the pump in order before.
func (p *Pump) guard(f *File, what call, do func() (int, error)) (int, error) {
	b := &p.baton
	word := b.word.Load()
	b.file = f
	b.calls.Add(1)
	b.word.Store(word | 1)
	n, err := do()
	if b.word.CompareAndSwap(word|1, word) {
		return n, err
	}
	if !p.post(func() { p.answered(f, what, n, err) }) && what == opening && err == nil {
		_ = unix.Close(n)
	}
	runtime.Goexit()
	return 0, nil
}

// takeOver puts the pump in order after its goroutine got stuck in a call on f.
func (p *Pump) takeOver(f *File) {
	p.now = time.Now()
	f.stuck = true
	if s := p.active; s != nil {
		p.active = nil
		if s.state != gone {
			s.state = asleep
			p.await(s)
			if s.done != nil {
				p.limitFinish(s)
			}
		}
	}
	if b := p.batch; b != nil && len(b.data) > 0 && b.stream.file == f {
		p.park(f, b)
	}
	p.alarm(afterSecond, func() {
		if !f.stuck {
			return
		}
		f.trial = false
		if f.Err() == nil {
			f.err.Store(&refusal{errHung})
		}
		p.vent(f)
	})
}

// vent lets the streams of a file that hangs look again and again whether their pipes are full: then lines are dropped.
func (p *Pump) vent(f *File) {
	if !f.stuck {
		return
	}
	p.alarm(afterStall, func() { p.vent(f) })
	p.release(f)
}

// answered takes up a file again whose call returned after all.
func (p *Pump) answered(f *File, what call, n int, err error) {
	f.stuck = false
	switch {
	case err != nil:
	case what == opening:
		_ = unix.Close(n) // whoever needs it opens it again
	case what == marking && n > 0:
		f.pos += int64(n)
		p.marked(f)
	case what == moving && n > 0 && f.parked != nil:
		f.parked.done += n
		f.pos += int64(n)
	}
	if f.parked != nil {
		p.flush(f, f.parked)
	} else if f.Err() == errHung {
		p.works(f)
	}
	if f.Err() != nil {
		p.refused(f, f.Err())
	}
	p.release(f)
	p.forget(f)
}

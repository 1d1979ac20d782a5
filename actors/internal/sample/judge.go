package sample

import "time"

// Vitals is what one look at a process has found.
type Vitals struct {
	At     time.Time // with its monotonic reading
	CPU    float64   // cores, since the look before
	Memory int64     // bytes of what has a limit
	Lines  int64     // that it has written so far
}

// Bounds is how far what is well for a process goes. What is zero is not judged.
type Bounds struct {
	CPU     float64       // cores: it runs away when it uses as much
	For     time.Duration // for so long
	Memory  int64         // bytes: its limit
	Silence time.Duration // without a line
	Grace   time.Duration // after its start, in which it may be silent
}

// Judged tells whether there is anything to judge.
func (b Bounds) Judged() bool { return b.CPU > 0 || b.Memory > 0 || b.Silence > 0 }

// Finding is something about a process that has changed: RunsAway, CalmsDown, Grows, FallsSilent or Speaks.
type Finding interface{ finding() }

// RunsAway says that it has used so many cores on average for so long.
type RunsAway struct {
	CPU float64
	For time.Duration
}

// CalmsDown says that what ran away does not any more.
type CalmsDown struct {
	CPU float64
	For time.Duration // since it began to run away
}

// Grows says that its memory will reach the limit if it goes on as it does.
type Grows struct {
	Memory, Limit int64   // bytes
	Hourly        float64 // bytes an hour
	Left          time.Duration
}

// FallsSilent says that it has not written a line for so long.
type FallsSilent struct{ For time.Duration }

// Speaks says that it has written its first line, or the first after it was silent.
type Speaks struct{}

func (RunsAway) finding()    {}
func (CalmsDown) finding()   {}
func (Grows) finding()       {}
func (FallsSilent) finding() {}
func (Speaks) finding()      {}

const (
	// settling is how long a process may fill its caches before its memory is judged.
	settling = time.Minute
	// mostLooks and leastLooks are how many looks its growth is judged by: at one every 5 s ten minutes at most, and two at least.
	mostLooks, leastLooks = 120, 24
	// soon is how far a limit may be away to be worth a word; it is forgotten when it is twice as far.
	soon = time.Hour
	// straight is how much of the growth must be a straight line: the coefficient of determination.
	straight = 0.9
)

// Judge watches one run of one process. It is not safe for concurrent use.
type Judge struct {
	begun time.Time
	last  time.Time // the look before

	hot     time.Time // since when it uses too much; zero: it does not
	used    float64   // core seconds since then
	cool    time.Time // since when what ran away does not
	away    bool
	looks   []look
	growing bool
	lines   int64
	spoke   time.Time
	heard   bool
	silent  bool
}

// look is the memory at one moment: seconds since the run was first seen, bytes.
type look struct{ at, bytes float64 }

// NewJudge begins with a run that has written lines before.
func NewJudge(now time.Time, lines int64) *Judge {
	return &Judge{begun: now, last: now, spoke: now, lines: lines}
}

// Look takes one look in, and says what has changed. The bounds may be others each time.
func (j *Judge) Look(b Bounds, v Vitals) (found []Finding) {
	found = j.cpu(b, v, found)
	found = j.memory(b, v, found)
	found = j.voice(b, v, found)
	j.last = v.At
	return found
}

func (j *Judge) cpu(b Bounds, v Vitals, found []Finding) []Finding {
	if b.CPU <= 0 {
		j.hot, j.away = time.Time{}, false
		return found
	}
	if v.CPU < b.CPU {
		if !j.away {
			j.hot = time.Time{}
			return found
		}
		if j.cool.IsZero() {
			j.cool = v.At
		}
		if v.At.Sub(j.cool) >= b.For/2 { // it may catch its breath
			found = append(found, CalmsDown{v.CPU, v.At.Sub(j.hot)})
			j.hot, j.away = time.Time{}, false
		}
		return found
	}
	j.cool = time.Time{}
	if j.hot.IsZero() {
		j.hot, j.used = j.last, 0
	}
	j.used += v.CPU * v.At.Sub(j.last).Seconds()
	if lasts := v.At.Sub(j.hot); !j.away && lasts >= b.For && lasts > 0 {
		j.away = true
		found = append(found, RunsAway{j.used / lasts.Seconds(), lasts})
	}
	return found
}

func (j *Judge) memory(b Bounds, v Vitals, found []Finding) []Finding {
	since := v.At.Sub(j.begun)
	if b.Memory <= 0 || v.Memory <= 0 || since < settling {
		j.looks = j.looks[:0]
		return found
	}
	if len(j.looks) == mostLooks {
		copy(j.looks, j.looks[1:])
		j.looks = j.looks[:mostLooks-1]
	}
	j.looks = append(j.looks, look{since.Seconds(), float64(v.Memory)})
	slope, ok := steady(j.looks)
	left := time.Duration(-1)
	if ok && slope > 0 {
		if seconds := float64(b.Memory-v.Memory) / slope; seconds < (2 * soon).Seconds() {
			left = time.Duration(max(seconds, 0) * float64(time.Second))
		}
	}
	switch {
	case left < 0:
		j.growing = false
	case left <= soon && !j.growing:
		j.growing = true
		found = append(found, Grows{v.Memory, b.Memory, slope * time.Hour.Seconds(), left})
	}
	return found
}

// steady is the slope of what grows evenly, in bytes a second: by more than chance, and of late as much as before. What fills a cache does
// so ever more slowly.
func steady(looks []look) (slope float64, ok bool) {
	if len(looks) < leastLooks {
		return 0, false
	}
	slope, fit := line(looks)
	early, _ := line(looks[:len(looks)/2])
	late, _ := line(looks[len(looks)/2:])
	return slope, fit >= straight && early >= slope/2 && late >= slope*3/4
}

// line is the straight line by least squares: its slope, and how much of the change it explains.
func line(looks []look) (slope, fit float64) {
	n := float64(len(looks))
	var at, bytes float64
	for _, l := range looks {
		at += l.at / n
		bytes += l.bytes / n
	}
	var tt, tb, bb float64
	for _, l := range looks {
		tt += (l.at - at) * (l.at - at)
		tb += (l.at - at) * (l.bytes - bytes)
		bb += (l.bytes - bytes) * (l.bytes - bytes)
	}
	if tt == 0 || bb == 0 {
		return 0, 0
	}
	return tb / tt, tb * tb / (tt * bb)
}

func (j *Judge) voice(b Bounds, v Vitals, found []Finding) []Finding {
	if v.Lines != j.lines {
		if !j.heard || j.silent {
			found = append(found, Speaks{})
		}
		j.lines, j.spoke, j.heard, j.silent = v.Lines, v.At, true, false
		return found
	}
	since := j.spoke
	if early := j.begun.Add(b.Grace); !j.heard && early.After(since) {
		since = early
	}
	if b.Silence > 0 && !j.silent && v.At.Sub(since) >= b.Silence {
		j.silent = true
		found = append(found, FallsSilent{v.At.Sub(j.spoke)})
	}
	return found
}

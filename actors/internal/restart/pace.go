package restart

import (
	"math"
	"time"
)

const (
	// Lately is the time in which a failure of late comes to count half.
	Lately = 5 * time.Minute
	// usually is that time for how often it always fails.
	usually = 12 * time.Hour
	// flappingFrom is how many failures of late are worth a word at all, and flappingTimes how many times as often as usual they must come.
	flappingFrom, flappingTimes = 5, 4
	// calm is how few of late end it.
	calm = 1
)

// Pace is how often a process fails, now and usually: two counts that fade. The zero value knows nothing. It is a value.
type Pace struct {
	Recent   float64   // failures, those 5 minutes ago count half
	Usual    float64   // failures, those 12 hours ago count half
	At       time.Time // of the latest one
	Flapping bool      // it fails far more often than usual, which was told
}

// Failed takes a failure in. flaps is set for the first that shows that the process fails far more often than it used to; hourly is
// how often it did, in failures an hour.
func (p Pace) Failed(at time.Time) (next Pace, flaps bool, hourly float64) {
	recent, usual := p.at(at)
	// What happens now is no part of what is usual.
	hourly = rate(max(usual-recent, 0), usually) * float64(time.Hour)
	p.Flapping = p.Flapping && recent >= calm
	p.Recent, p.Usual, p.At = recent+1, usual+1, at
	if !p.Flapping && p.Recent >= flappingFrom-0.5 && rate(p.Recent, Lately)*float64(time.Hour) > flappingTimes*hourly {
		p.Flapping, flaps = true, true
	}
	return p, flaps, hourly
}

// Lately is how many failures there were of late, the latest one included.
func (p Pace) Lately() int { return int(math.Round(p.Recent)) }

// at is the counts as they have faded by then.
func (p Pace) at(now time.Time) (recent, usual float64) {
	since := max(now.Sub(p.At), 0)
	return p.Recent * fade(since, Lately), p.Usual * fade(since, usually)
}

func fade(since, half time.Duration) float64 { return math.Exp2(-float64(since) / float64(half)) }

// rate is how often something happens, in times a nanosecond, whose fading count has settled.
func rate(count float64, half time.Duration) float64 { return count * math.Ln2 / float64(half) }

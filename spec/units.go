package spec

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// timeUnits are the units of durations, longest first.
var timeUnits = []struct {
	name string
	unit time.Duration
}{{"d", day}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}}

// ParseDuration reads a length of time: seconds without a unit ("90", "1.5") or numbers each with one of ms, s, m, h, d
// ("1m30s", "1.5h", "2 d 3 h"). It is never negative.
func ParseDuration(text string) (time.Duration, error) {
	rest := strings.TrimSpace(text)
	if strings.HasPrefix(rest, "-") {
		return 0, fmt.Errorf("must not be negative (got %q)", text)
	}
	var total time.Duration
	for first := true; first || rest != ""; first = false {
		var number, unit string
		number, rest = leading(rest, isNumeral)
		unit, rest = leading(strings.TrimLeft(rest, " \t"), isLetter)
		rest = strings.TrimLeft(rest, " \t")
		length := unitLength(unit)
		if unit == "" && first && rest == "" {
			length = time.Second
		}
		switch {
		case number == "" || !decimal(number) || unit == "" && length == 0:
			return 0, fmt.Errorf(`must be a number of seconds or a duration such as "1m30s" (got %q)`, text)
		case length == 0:
			return 0, fmt.Errorf("unknown unit %q in %q: the units of time are ms, s, m, h and d", unit, text)
		}
		part, ok := times(number, int64(length))
		if !ok || total > math.MaxInt64-time.Duration(part) {
			return 0, errTooLong
		}
		total += time.Duration(part)
	}
	if total == Forever { // the one value that means something else
		return 0, errTooLong
	}
	return total, nil
}

func unitLength(name string) time.Duration {
	for _, u := range timeUnits {
		if u.name == name {
			return u.unit
		}
	}
	return 0
}

// sizeUnits are the units of sizes. A single letter is missing on purpose: supervisord and docker read M as 2²⁰, dd and
// disk makers as 10⁶.
var sizeUnits = map[string]int64{
	"": 1, "b": 1,
	"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
	"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
}

var errTooLarge = errors.New("larger than 8 EiB")

// ParseSize reads a number of bytes ("1024"), with a unit of 1000s ("50MB") or of 1024s ("64MiB"). It is never negative.
func ParseSize(text string) (int64, error) {
	rest := strings.TrimSpace(text)
	if strings.HasPrefix(rest, "-") {
		return 0, fmt.Errorf("must not be negative (got %q)", text)
	}
	number, rest := leading(rest, isNumeral)
	unit := strings.TrimLeft(rest, " \t")
	if !decimal(number) {
		return 0, fmt.Errorf(`must be a number of bytes or a size such as "50MB" or "64MiB" (got %q)`, text)
	}
	factor, known := sizeUnits[strings.ToLower(unit)]
	if !known {
		if big := strings.ToUpper(unit); slices.Contains([]string{"K", "M", "G", "T"}, big) {
			return 0, fmt.Errorf("%q does not say which unit it means: write %q (thousands) or %q (1,024s)", text, number+big+"B", number+big+"iB")
		}
		return 0, fmt.Errorf("unknown unit %q in %q: the units of size are B, KB, MB, GB, TB and KiB, MiB, GiB, TiB", unit, text)
	}
	size, ok := times(number, factor)
	if !ok {
		return 0, errTooLarge
	}
	return size, nil
}

// leading splits off what the text begins with.
func leading(text string, is func(c byte) bool) (head, rest string) {
	i := 0
	for i < len(text) && is(text[i]) {
		i++
	}
	return text[:i], text[i:]
}

func isNumeral(c byte) bool { return c >= '0' && c <= '9' || c == '.' }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// decimal tells digits with at most one point, which stands between digits.
func decimal(number string) bool {
	whole, fraction, point := strings.Cut(number, ".")
	return digits(whole) && (!point || digits(fraction))
}

// times is number × unit, exactly and rounded down. ok is false when that is more than an int64 holds.
func times(number string, unit int64) (product int64, ok bool) {
	whole, fraction, _ := strings.Cut(number, ".")
	whole = strings.TrimLeft(whole, "0")
	if len(whole) > 19 { // 2⁶³ has 19 digits
		return 0, false
	}
	fraction = fraction[:min(len(fraction), 18)]
	value, ok := new(big.Rat).SetString("0" + whole + "." + fraction + "0")
	if !ok {
		return 0, false
	}
	value.Mul(value, new(big.Rat).SetInt64(unit))
	exact := new(big.Int).Quo(value.Num(), value.Denom())
	return exact.Int64(), exact.IsInt64()
}

// FormatDuration is a length of time as people read it: the two largest units that say something ("1m30s", "2d3h",
// "5s", "250ms"). A length of seconds that somebody wrote keeps its fraction ("1.5s"); a measured one, 5.0032 s, loses
// it: "5s".
func FormatDuration(d time.Duration) string {
	switch {
	case d == Forever:
		return "forever"
	case d == math.MinInt64:
		return "-" + FormatDuration(math.MaxInt64-1)
	case d < 0:
		return "-" + FormatDuration(-d)
	case d < time.Millisecond:
		return "0s"
	case d < time.Second:
		return strconv.FormatInt(int64(d/time.Millisecond), 10) + "ms"
	case d < time.Minute && d%(10*time.Millisecond) == 0:
		return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s"
	}
	for i, u := range timeUnits {
		count := d / u.unit
		if count == 0 {
			continue
		}
		text := strconv.FormatInt(int64(count), 10) + u.name
		if next := timeUnits[i+1]; u.unit > time.Second && d%u.unit >= next.unit {
			text += strconv.FormatInt(int64(d%u.unit/next.unit), 10) + next.name
		}
		return text
	}
	return "0s"
}

// FormatSize is a number of bytes as people read it, in 1,024s: "9.8 MiB", "512 B".
func FormatSize(bytes int64) string {
	if bytes < 0 {
		return "-" + strings.TrimPrefix(FormatSize(max(-bytes, -math.MaxInt64)), "-")
	}
	if bytes < 1024 {
		return strconv.FormatInt(bytes, 10) + " B"
	}
	value, units := float64(bytes), []string{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	for i, unit := range units {
		value /= 1024
		decimals := 1
		if value >= 99.95 {
			decimals = 0
		}
		text := strings.TrimSuffix(strconv.FormatFloat(value, 'f', decimals, 64), ".0")
		if text != "1024" && value < 1024 || i == len(units)-1 {
			return text + " " + unit
		}
	}
	return ""
}

package spec_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dcousineau/phorever/spec"
)

func TestParseDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "90": 90 * time.Second, "1.5": 1500 * time.Millisecond, "5s": 5 * time.Second, "250ms": 250 * time.Millisecond,
		"1m30s": 90 * time.Second, "1.5h": 90 * time.Minute, "2d3h": 51 * time.Hour, " 2 d 3 h ": /* spaces are fine */ 51 * time.Hour, "0.1s": 100 * time.Millisecond,
		"106751d": 106751 * 24 * time.Hour, "0000000000000000000000001s": time.Second, "1.000000000000000000000000001s": time.Second,
	} {
		if got, err := spec.ParseDuration(text); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestParseDurationSaysWhatIsAllowed(t *testing.T) {
	for text, want := range map[string]string{
		"":                           `a number of seconds or a duration such as "1m30s" (got "")`,
		"soon":                       `such as "1m30s" (got "soon")`,
		"-5s":                        `must not be negative (got "-5s")`,
		"5 parsecs":                  `unknown unit "parsecs" in "5 parsecs": the units of time are ms, s, m, h and d`,
		"1M":                         `unknown unit "M"`,
		"1m30":                       `such as "1m30s" (got "1m30")`,
		"1..5s":                      `such as "1m30s"`,
		".5s":                        `such as "1m30s"`,
		"5.s":                        `such as "1m30s"`,
		"106752d":                    "longer than 292 years",
		"106751d24h":                 "longer than 292 years",
		"99999999999999999999":       "longer than 292 years",
		strings.Repeat("9", 1<<16):   "longer than 292 years",
		"9223372036.854775807s":      "longer than 292 years", // it is Forever, to the nanosecond
		"1e3":                        `unknown unit "e"`,
		"forever":                    `such as "1m30s"`,
		"5s, please":                 `such as "1m30s"`,
		"٣s":                         `such as "1m30s"`,
		"1h" + "-" + "1m":            `such as "1m30s"`,
		"1" + strings.Repeat("s", 9): "unknown unit",
	} {
		if _, err := spec.ParseDuration(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseDuration(%.40q): want an error with %q, got %v", text, want, err)
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 999 * time.Microsecond, "1ms": 1900 * time.Microsecond, "250ms": 250*time.Millisecond + 1, "999ms": time.Second - 1,
		"1s": time.Second, "1.5s": 1500 * time.Millisecond, "5s": 5*time.Second + 3217*time.Microsecond, "59s": time.Minute - 1,
		"1m": time.Minute, "1m30s": 90*time.Second + 1, "1h": time.Hour + 59*time.Second, "1h5m": time.Hour + 5*time.Minute + time.Second,
		"2d3h": 51*time.Hour + 59*time.Minute, "1d": 24*time.Hour + 5*time.Minute, "106751d23h": spec.Forever - 1, "forever": spec.Forever,
		"-1m30s": -90 * time.Second, "-106751d23h": math.MinInt64,
	} {
		if got := spec.FormatDuration(d); got != want {
			t.Errorf("FormatDuration(%d) = %q, want %q", d, got, want)
		}
	}
}

func TestWhatWasWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(0, math.MaxInt64-1).Draw(t, "d"))
		text := spec.FormatDuration(d)
		back, err := spec.ParseDuration(text)
		if err != nil || back > d || d-back > max(time.Second, d/20) {
			t.Fatalf("%d prints %q, which reads %d, %v", d, text, back, err)
		}
		if again := spec.FormatDuration(back); again != text {
			t.Fatalf("%q reads as what prints %q", text, again)
		}
	})
}

func TestParseSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1024": 1024, "12B": 12, "50MB": 50e6, "64MiB": 64 << 20, "2GB": 2e9, "1.5KiB": 1536, "1 kB": 1000, "1tb": 1e12, "7TiB": 7 << 40,
		"9223372036854775807": math.MaxInt64, "0.0000001GB": 100, "0.0000000001GB": 0,
	} {
		if got, err := spec.ParseSize(text); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"": `such as "50MB" or "64MiB"`, "MB": `such as "50MB"`, "-1": "must not be negative", "1XB": "B, KB, MB, GB, TB and KiB, MiB, GiB, TiB",
		"50M": `write "50MB" (thousands) or "50MiB" (1,024s)`, "1e6": "unknown unit", "9223372036854775808": "larger than 8 EiB", "10000000TB": "larger than 8 EiB",
	} {
		if _, err := spec.ParseSize(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseSize(%q): want an error with %q, got %v", text, want, err)
		}
	}
}

func TestFormatSize(t *testing.T) {
	for want, bytes := range map[string]int64{
		"0 B": 0, "1023 B": 1023, "1 KiB": 1024, "1.5 KiB": 1536, "9.8 MiB": 10276044, "100 KiB": 102399, "1 MiB": 1<<20 - 1, "47.7 MiB": 50e6,
		"1 GiB": 1<<30 - 1, "8 EiB": math.MaxInt64, "-1 KiB": -1024, "-8 EiB": math.MinInt64,
	} {
		if got := spec.FormatSize(bytes); got != want {
			t.Errorf("FormatSize(%d) = %q, want %q", bytes, got, want)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, seed := range []string{"90", "1m30s", "1.5h", "2d3h", "-1s", "106752d", "1e9", "9223372036.854775807s", " 5 s "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := spec.ParseDuration(text)
		if d < 0 || err != nil && d != 0 || d == spec.Forever {
			t.Fatalf("ParseDuration(%q) = %d, %v", text, d, err)
		}
		if err == nil {
			if _, err := spec.ParseDuration(spec.FormatDuration(d)); err != nil {
				t.Fatalf("%q prints what cannot be read: %v", text, err)
			}
		}
	})
}

func FuzzParseSize(f *testing.F) {
	for _, seed := range []string{"1024", "50MB", "64MiB", "1.5kb", "-1", "8388608TiB", "0.5B", "1 GB"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		size, err := spec.ParseSize(text)
		if size < 0 || err != nil && size != 0 {
			t.Fatalf("ParseSize(%q) = %d, %v", text, size, err)
		}
	})
}

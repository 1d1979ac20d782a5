package spec

// Signal is a signal's name without SIG: "TERM". ParseSignal makes one.
type Signal string

package spec

// Severity tells an error, which refuses the configuration, from a warning, which does not.
type Severity string

// The severities of a Problem.
const (
	SeverityError   Severity = "error"
	SeverityWarning Severity = "warning"
)

// Problem is one thing wrong with a configuration, with its address. Line and Column count from 1, columns in characters.
type Problem struct {
	File     string   `json:"file"` // as the user would name it: relative to the working directory where that is shorter
	Line     int      `json:"line"`
	Column   int      `json:"column"`
	Severity Severity `json:"severity"`
	Path     string   `json:"path"` // processes[1].clones
	Message  string   `json:"message"`
	Hint     string   `json:"hint,omitempty"`
	Excerpt  string   `json:"excerpt,omitempty"` // the source line
	Width    int      `json:"width,omitempty"`   // characters to underline from Column on
}

// Problems is everything wrong with a configuration, sorted by place.
type Problems []Problem

package spec

// Action is what a reload must do with one process.
type Action string

// The actions of a reload, as `plan` prints them.
const (
	ActionNothing Action = "nothing"
	ActionApply   Action = "apply live" // policy: takes effect without touching what runs
	ActionRestart Action = "restart"
	ActionStart   Action = "start" // new in the configuration
	ActionStop    Action = "stop"  // gone from the configuration
	ActionResize  Action = "resize"
)

// Change is one process's part of a reload. Several actions of one process are several changes (resize and apply live).
type Change struct {
	Process string   `json:"process"` // machine name; "" is the daemon itself
	Action  Action   `json:"action"`
	Why     []string `json:"why"`            // one short sentence each: `env: QUEUE changed`
	From    int      `json:"from,omitempty"` // clones, of a resize
	To      int      `json:"to,omitempty"`
}

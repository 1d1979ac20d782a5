package event

// State is where a process is. The words are the ones users see, the numbers supervisord's.
type State string

// The states of a process.
const (
	Stopped   State = "STOPPED"
	Starting  State = "STARTING"
	Running   State = "RUNNING"
	Backoff   State = "BACKOFF"
	Stopping  State = "STOPPING"
	Scheduled State = "SCHEDULED"
	Paused    State = "PAUSED"
	Exited    State = "EXITED"
	Fatal     State = "FATAL"
)

// Code is the state's number in JSON, as dashboards made for supervisord expect it.
func (s State) Code() int { return stateCodes[s] }

var stateCodes = map[State]int{
	Stopped: 0, Starting: 10, Running: 20, Backoff: 30, Stopping: 40, Scheduled: 60, Paused: 70, Exited: 100, Fatal: 200,
}

package event

import "fmt"

// RoleStarted says that a role has become active.
type RoleStarted struct{ Role string }

// RoleStopped says that a role is not active any more, and why.
type RoleStopped struct{ Role, Why string }

// ActorFaulted says that a part of the supervisor itself failed: a bug of ours, which touches no process.
type ActorFaulted struct{ Actor, Fault string }

// Name is the event's name in JSON.
func (RoleStarted) Name() string { return "role.started" }

// Name is the event's name in JSON.
func (RoleStopped) Name() string { return "role.stopped" }

// Name is the event's name in JSON.
func (ActorFaulted) Name() string { return "daemon.fault" }

// Severity is info.
func (RoleStarted) Severity() Severity { return Info }

// Severity is info.
func (RoleStopped) Severity() Severity { return Info }

// Severity is error.
func (ActorFaulted) Severity() Severity { return Error }

// Subject is the role.
func (e RoleStarted) Subject() Subject { return Subject{Role: e.Role} }

// Subject is the role.
func (e RoleStopped) Subject() Subject { return Subject{Role: e.Role} }

// Subject is nothing of the user's.
func (ActorFaulted) Subject() Subject { return Subject{} }

func (e RoleStarted) String() string { return fmt.Sprintf("role %s started", e.Role) }

func (e RoleStopped) String() string {
	if e.Why != "" {
		return fmt.Sprintf("role %s stopped: %s", e.Role, e.Why)
	}
	return fmt.Sprintf("role %s stopped", e.Role)
}

func (e ActorFaulted) String() string {
	return fmt.Sprintf("internal fault in %s, please report it: %s", e.Actor, e.Fault)
}

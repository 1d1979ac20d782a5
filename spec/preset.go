package spec

import "sync"

// A preset is a set of process keys for a known program. It stands between "defaults" and the process.
type preset struct {
	means string // what it is for, for the reference page
	keys  []presetKey
}

type presetKey struct {
	key   string
	value string // JSON
	why   string
}

var presetTable = map[string]preset{
	"laravel-queue": {"`php artisan queue:work`", []presetKey{
		{"resurrect_after", `1`, "a worker that ended at `--max-time` or `--max-jobs` is replaced at once"},
		{"backoff", `{"factor": 2, "max": "1m"}`, "a database that is away is asked less and less often"},
		{"give_up", `{"within": "15m"}`, "ten failures with these delays take more than five minutes"},
		{"success_exit_codes", `[0, 12]`, "12 is the worker's own memory limit: a planned end"},
		{"stop", `{"signal": ["TERM"], "timeout": "1h", "scope": "main"}`, "TERM lets the job finish, and a job's own children are not disturbed"},
		{"pause_signal", `"USR2"`, "the worker finishes its job and takes no other until CONT"},
	}},
	"laravel-horizon": {"`php artisan horizon`", []presetKey{
		{"clones", `1`, "Horizon starts its own workers"},
		{"resurrect_after", `1`, "`horizon:terminate` at a deploy is followed by the new release at once"},
		{"backoff", `{"factor": 2, "max": "1m"}`, "a Redis that is away is asked less and less often"},
		{"give_up", `{"within": "15m"}`, "ten failures with these delays take more than five minutes"},
		{"stop", `{"signal": ["TERM"], "timeout": "1h", "scope": "main"}`, "TERM makes Horizon wait for the jobs of its workers"},
		{"pause_signal", `"USR2"`, "Horizon pauses its workers until CONT"},
	}},
	"symfony-messenger": {"`php bin/console messenger:consume`", []presetKey{
		{"resurrect_after", `1`, "a consumer that ended at `--time-limit` or `--limit` is replaced at once"},
		{"backoff", `{"factor": 2, "max": "1m"}`, "a consumer that fails at boot does not spin"},
		{"give_up", `{"within": "15m"}`, "ten failures with these delays take more than five minutes"},
		{"env", `{"MESSENGER_CONSUMER_NAME": "%name%_%clone%"}`, "Redis transports need a consumer name for each clone"},
		{"stop", `{"signal": ["TERM"], "timeout": "1h", "scope": "main"}`, "TERM lets the message finish"},
	}},
	"magento-consumer": {"`php bin/magento queue:consumers:start NAME --max-messages=N`", []presetKey{
		{"resurrect_after", `1`, "a consumer that had its `--max-messages` is replaced at once"},
		{"backoff", `{"factor": 2, "max": "1m"}`, "a consumer that fails at boot does not spin"},
		{"give_up", `{"within": "15m"}`, "ten failures with these delays take more than five minutes"},
		{"stable_after", `0`, "with few messages it ends at once, and that is no failure"},
		{"stop", `{"signal": ["TERM"], "timeout": "30s", "scope": "main"}`, "consumers do not handle TERM, so waiting longer is of no use"},
	}},
}

// presets are the presets as process objects.
var presets = sync.OnceValue(func() map[string]*node {
	nodes := map[string]*node{}
	for name, p := range presetTable {
		object := constant("{}")
		for _, k := range p.keys {
			object.set(k.key, constant(k.value))
		}
		nodes[name] = object
	}
	return nodes
})

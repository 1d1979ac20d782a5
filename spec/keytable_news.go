package spec

import "time"

// newsKeys is every key of what is told, and to whom.
var newsKeys = []key{
	{path: "notify", kind: listKind, means: "Where news goes: chats, mail, webhooks. One cause is one incident: its first message goes out at once, what follows is counted.", example: `[{"name": "ops", "slack": "file:/etc/app/slack-url"}]`},
	{path: "notify[]", kind: objectKind, means: "One destination. It has exactly one of `slack`, `email`, `webhook` and `url`. What is secret may hold `%env.NAME%`, or be `file:` and a path; it is never printed."},
	{path: "notify[].name", kind: sinkNameKind, means: "Required, and unique. Commands and status know it by this.", example: `"ops"`},
	{path: "notify[].slack", kind: webAddressKind, means: "The address of a Slack incoming webhook.", example: `"%env.SLACK_URL%"`},
	{path: "notify[].email", kind: objectKind, means: "Mail over SMTP.", example: `{"smtp": "smtp://user:%env.SMTP_PASSWORD%@mail.example.com:587", "from": "phorever@example.com", "to": ["ops@example.com"]}`},
	{path: "notify[].email.smtp", kind: secretKind("address of a mail server", `an address such as "smtp://user:%env.PASSWORD%@mail.example.com:587"`, checkMailServer), means: "Required. `smtp://` uses STARTTLS where credentials are given, `smtps://` is TLS from the beginning.", example: `"smtp://mail.example.com:25"`},
	{path: "notify[].email.from", kind: mailboxKind, means: "Required. The sender.", example: `"Phorever <phorever@example.com>"`},
	{path: "notify[].email.to", kind: mailboxesKind, means: "Required. Who gets it.", example: `["ops@example.com"]`},
	{path: "notify[].webhook", kind: objectKind, means: "A POST of each message as a JSON object.", example: `{"url": "https://example.com/hook", "secret": "%env.HOOK_SECRET%"}`},
	{path: "notify[].webhook.url", kind: webAddressKind, means: "Required. Where it is posted.", example: `"https://example.com/hook"`},
	{path: "notify[].webhook.headers", kind: headersKind, means: "More headers, whose values are secret.", example: `{"Authorization": "Bearer %env.TOKEN%"}`},
	{path: "notify[].webhook.secret", kind: secretKind("text", "a text", nil), means: "The key of the signature (HMAC-SHA256, as Standard Webhooks has it).", example: `"%env.HOOK_SECRET%"`},
	{path: "notify[].url", kind: secretKind("address of a service", `an address such as "telegram://token@telegram?chats=…"`, checkServiceAddress), means: "Any other service, as shoutrrr writes it: Discord, Teams, Telegram, PagerDuty, Opsgenie, ntfy and others.", example: `"ntfy://ntfy.sh/my-topic"`},
	{path: "notify[].on", kind: selectorsKind, initial: `["process.gave_up", "process.recovered", "process.flapping", "process.unhealthy", "process.runaway", "config.rejected"]`, means: "Which events: names, patterns such as `process.*`, `severity>=warning`, or `crash`, every end that is a failure.", example: `["crash", "severity>=error"]`},
	{path: "notify[].roles", kind: listOf(roleKind, "a list of role names"), means: "Only events of these roles.", example: `["scheduler"]`},
	{path: "notify[].processes", kind: listOf(textKind, "a list of process names"), means: "Only events of these processes.", example: `["Short Lived"]`},
	{path: "notify[].window", kind: atLeast(time.Second), initial: `"1m"`, means: "An incident has at most one message in this time; repeats are counted.", example: `"5m"`},
	{path: "notify[].limit", kind: integer(1, 1000), initial: `10`, means: "How many messages a window may have; what is beyond becomes one digest.", example: `3`},
	{path: "notify[].quiet_hours", kind: objectKind, means: "When only what is severe is told; the rest is told when they are over.", example: `{"from": "22:00", "to": "07:00"}`},
	{path: "notify[].quiet_hours.from", kind: clockKind, means: "Required. When they begin, in `timezone`.", example: `"22:00"`},
	{path: "notify[].quiet_hours.to", kind: clockKind, means: "Required. When they end.", example: `"07:00"`},
	{path: "notify[].quiet_hours.except", kind: oneOf("warning", "error"), initial: `"error"`, means: "What is this severe is told all the same.", example: `"warning"`},

	{path: "listeners", kind: listKind, means: "Programs that are kept alive and fed events.", example: `[{"name": "custom", "up": "php bin/listener.php"}]`},
	{path: "listeners[]", kind: objectKind, means: "One program. It is started again when it ends, and killed with its whole tree when it hangs."},
	{path: "listeners[].name", kind: sinkNameKind, means: "Required, and unique.", example: `"custom"`},
	{path: "listeners[].up", kind: commandKind, means: "Required. The command, run in the directory of the configuration.", example: `"php bin/listener.php"`},
	{path: "listeners[].on", kind: selectorsKind, initial: `"*"`, means: "Which events, as in `notify`. `tick.5`, `tick.60` and `tick.3600`, which come every so many seconds, must be named.", example: `["process.exited", "tick.60"]`},
	{path: "listeners[].roles", kind: listOf(roleKind, "a list of role names"), means: "Only events of these roles.", example: `["scheduler"]`},
	{path: "listeners[].processes", kind: listOf(textKind, "a list of process names"), means: "Only events of these processes.", example: `["Short Lived"]`},
	{path: "listeners[].protocol", kind: oneOf("json", "supervisor"), initial: `"json"`, means: "How events are told: a line of JSON each on the standard input, or by the event listener protocol of supervisord.", example: `"supervisor"`},

	{path: "hooks", kind: listKind, means: "Commands that are run once for each event.", example: `[{"on": "process.gave_up", "run": ["./page.sh"]}]`},
	{path: "hooks[]", kind: objectKind, means: "One command. It gets the event as a line of JSON on its standard input, and as variables `PHOREVER_EVENT_…`."},
	{path: "hooks[].on", kind: selectorsKind, means: "Required. Which events, as in `notify`.", example: `"process.gave_up"`},
	{path: "hooks[].run", kind: commandKind, means: "Required. The command, run in the directory of the configuration.", example: `["./page.sh"]`},
	{path: "hooks[].roles", kind: listOf(roleKind, "a list of role names"), means: "Only events of these roles.", example: `["scheduler"]`},
	{path: "hooks[].processes", kind: listOf(textKind, "a list of process names"), means: "Only events of these processes.", example: `["Short Lived"]`},
	{path: "hooks[].timeout", kind: atLeast(time.Millisecond), initial: `"10s"`, means: "It is killed with everything below it when it takes longer.", example: `"1m"`},
}

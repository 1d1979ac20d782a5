// Package channel carries messages over services: Slack, mail over SMTP, signed webhooks, and what shoutrrr knows.
//
// Guarantees: a Send ends with its context, reads no more than some KiB of an answer, and follows no redirect to another host. No error and no
// answer holds a secret. What names and log lines say is escaped for the service: it mentions nobody, adds no header and ends no block.
//
// Non-guarantees: a service of shoutrrr that does not take our client may go on for half a minute after its context has ended.
package channel

<?php

declare(strict_types=1);

namespace Phorever;

/**
 * Something that happened, as Phorever tells it. What does not apply to an event is null, or empty.
 */
final class Event
{
    /** Never repeats, and sorts by time. */
    public string $id;

    /** For example "process.gave_up". */
    public string $name;

    public \DateTimeImmutable $time;

    /** "info", "warning" or "error". */
    public string $severity;

    /** One sentence for people. */
    public string $message;

    /** The clone: "worker:2". */
    public ?string $process;

    public ?string $role;

    /** How often the clone was started. */
    public ?int $run;

    public ?int $pid;

    public ?ProcessExit $exit;

    /** What the end of a failed run says of the program, where more is known than its status. */
    public ?string $meaning;

    /** What happens to the process now. */
    public ?string $next;

    /** @var string[] the last lines of a run that failed */
    public array $logTail;

    /** @var array<string, mixed> the whole event, also what this class does not know */
    public array $data;

    /**
     * @param array<string, mixed> $data one object of `phorever events --json`
     */
    public function __construct(array $data)
    {
        $this->id = (string) ($data['id'] ?? '');
        $this->name = (string) ($data['event'] ?? '');
        $this->time = new \DateTimeImmutable((string) ($data['time'] ?? 'now'));
        $this->severity = (string) ($data['severity'] ?? 'info');
        $this->message = (string) ($data['message'] ?? '');
        $this->process = isset($data['process']) ? (string) $data['process'] : null;
        $this->role = isset($data['role']) ? (string) $data['role'] : null;
        $this->run = isset($data['run']) ? (int) $data['run'] : null;
        $this->pid = isset($data['pid']) ? (int) $data['pid'] : null;
        $this->exit = isset($data['exit']) ? new ProcessExit((array) $data['exit']) : null;
        $this->meaning = isset($data['meaning']) ? (string) $data['meaning'] : null;
        $this->next = isset($data['next']) ? (string) $data['next'] : null;
        $this->logTail = array_map('strval', (array) ($data['log_tail'] ?? []));
        $this->data = $data;
    }

    /**
     * The event of a line of JSON.
     *
     * @throws \UnexpectedValueException if it is none
     */
    public static function fromJson(string $line): self
    {
        $data = json_decode($line, true);
        if (!is_array($data) || !isset($data['event'])) {
            throw new \UnexpectedValueException('no event: ' . substr($line, 0, 200));
        }

        return new self($data);
    }

    /** The name of the process without the number of the clone. */
    public function processName(): ?string
    {
        return $this->process === null ? null : explode(':', $this->process)[0];
    }
}

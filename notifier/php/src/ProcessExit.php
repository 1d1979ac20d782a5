<?php

declare(strict_types=1);

namespace Phorever;

/**
 * How a run ended: by a code, by a signal, or by neither where nobody saw it.
 */
final class ProcessExit
{
    public ?int $code;

    /** "SIGKILL" */
    public ?string $signal;

    /** "exited", "signaled", "stopped", "oom", "timeout", "unhealthy", "recycled", "spawn-failed" or "lost" */
    public string $cause;

    /**
     * @param array<string, mixed> $data
     */
    public function __construct(array $data)
    {
        $this->code = isset($data['code']) ? (int) $data['code'] : null;
        $this->signal = isset($data['signal']) ? (string) $data['signal'] : null;
        $this->cause = (string) ($data['cause'] ?? 'lost');
    }
}

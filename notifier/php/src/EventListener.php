<?php

declare(strict_types=1);

namespace Phorever;

/**
 * A listener of Phorever's events: a class with a method for each event that it wants.
 *
 *     final class Pager extends EventListener
 *     {
 *         public function onProcessGaveUp(Event $event): void { page($event->message); }
 *     }
 *     (new Pager())->listen();
 *
 * "process.gave_up" is told to onProcessGaveUp(), "config.rejected" to onConfigRejected(), and so on; one without a method of its own to
 * onEvent(). An exception ends the listener: Phorever starts it again, and what was not read yet comes then.
 */
abstract class EventListener
{
    /** Is told of every event that has no method of its own. */
    protected function onEvent(Event $event): void
    {
    }

    /**
     * Reads events until there are no more, which is when Phorever ends or does not want this listener any more.
     *
     * @param resource|null $input standard input unless given
     */
    final public function listen($input = null): void
    {
        $input = $input ?? \STDIN;
        while (($line = fgets($input)) !== false) {
            if (trim($line) !== '') {
                $this->handle(Event::fromJson($line));
            }
        }
    }

    /** Tells the method of an event. */
    final public function handle(Event $event): void
    {
        $method = self::methodOf($event->name);
        if ($method !== 'onEvent' && method_exists($this, $method)) {
            $this->$method($event);

            return;
        }
        $this->onEvent($event);
    }

    /** The method that is told of events with this name: "process.gave_up" is onProcessGaveUp. */
    final public static function methodOf(string $event): string
    {
        return 'on' . str_replace(' ', '', ucwords(str_replace(['.', '_'], ' ', $event)));
    }
}

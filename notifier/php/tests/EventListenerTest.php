<?php

declare(strict_types=1);

use PHPUnit\Framework\TestCase;
use Phorever\Event;
use Phorever\EventListener;

final class EventListenerTest extends TestCase
{
    private const GAVE_UP = '{"v":1,"id":"01J","time":"2026-02-03T04:05:06.789Z","event":"process.gave_up","severity":"error","process":"worker:2",'
        . '"role":"queue","run":13,"exit":{"code":255,"signal":null,"cause":"exited","at":"2026-02-03T04:05:06Z"},"message":"gave up on worker:2",'
        . '"meaning":"out of memory","next":"one try every 1m","log_tail":["a","b"],"later":1}';

    public function testAnEventHasTypes(): void
    {
        $event = Event::fromJson(self::GAVE_UP);
        self::assertSame('process.gave_up', $event->name);
        self::assertSame('worker', $event->processName());
        self::assertSame(13, $event->run);
        self::assertNull($event->pid);
        self::assertSame(255, $event->exit->code);
        self::assertNull($event->exit->signal);
        self::assertSame('exited', $event->exit->cause);
        self::assertSame(['a', 'b'], $event->logTail);
        self::assertSame('2026-02-03', $event->time->format('Y-m-d'));
        self::assertSame(1, $event->data['later']);
    }

    public function testWhatIsNoEventIsRefused(): void
    {
        $this->expectException(UnexpectedValueException::class);
        Event::fromJson('[]');
    }

    public function testEachEventHasItsMethod(): void
    {
        self::assertSame('onProcessGaveUp', EventListener::methodOf('process.gave_up'));
        self::assertSame('onConfigRejected', EventListener::methodOf('config.rejected'));
        self::assertSame('onTick60', EventListener::methodOf('tick.60'));
        $listener = new class () extends EventListener {
            public array $heard = [];

            public function onProcessGaveUp(Event $event): void
            {
                $this->heard[] = 'gave up ' . $event->process;
            }

            protected function onEvent(Event $event): void
            {
                $this->heard[] = 'other ' . $event->name;
            }
        };
        $input = fopen('php://memory', 'r+');
        fwrite($input, self::GAVE_UP . "\n\n" . '{"event":"config.applied"}' . "\n" . '{"event":"event"}');
        rewind($input);
        $listener->listen($input);
        self::assertSame(['gave up worker:2', 'other config.applied', 'other event'], $listener->heard);
    }
}

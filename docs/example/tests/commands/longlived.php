#!/usr/bin/env php
<?php
// The twin of "longlived" in PHP: it works until it is asked to stop, finishes what it is doing, and leaves.
declare(strict_types=1);

$stopping = false;
pcntl_async_signals(true);
$stop = static function () use (&$stopping): void {
    $stopping = true;
};
pcntl_signal(SIGTERM, $stop);
pcntl_signal(SIGINT, $stop);

fwrite(STDOUT, 'long lived: hello, I am process ' . getmypid() . "\n");
fwrite(STDERR, "long lived: warnings go to standard error\n");

$job = 0;
while (!$stopping) {
    $job++;
    fwrite(STDOUT, "long lived: job $job done\n");
    // sleep() returns early when a signal arrives.
    sleep(1);
}

fwrite(STDOUT, "long lived: asked to stop after job $job; goodbye\n");
exit(0);

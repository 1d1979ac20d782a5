#!/usr/bin/env php
<?php
// The twin of "runaway" in PHP: it burns a whole core and ignores every polite request. Only KILL ends it.
declare(strict_types=1);

foreach ([SIGINT, SIGTERM, SIGHUP] as $signal) {
    pcntl_signal($signal, SIG_IGN);
}
fwrite(STDOUT, 'runaway: I am process ' . getmypid() . " and I ignore INT, TERM and HUP\n");
fwrite(STDERR, "runaway: this core is mine\n");

while (true) {
}

#!/usr/bin/env php
<?php
// The twin of "shortlived" in PHP: it ends by itself after five seconds and is resurrected each time.
declare(strict_types=1);

$clone = getenv('PHOREVER_CLONE') ?: '0';
fwrite(STDOUT, "short lived $clone: hello, I am process " . getmypid() . "\n");
fwrite(STDERR, "short lived $clone: I shall live for five seconds\n");

for ($line = 1; $line <= 5; $line++) {
    sleep(1);
    fwrite(STDOUT, "short lived $clone: line $line of 5\n");
}

fwrite(STDERR, "short lived $clone: done\n");
exit(0);

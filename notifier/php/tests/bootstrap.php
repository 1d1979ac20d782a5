<?php

declare(strict_types=1);

foreach (['ProcessExit', 'Event', 'EventListener'] as $class) {
    require_once __DIR__ . '/../src/' . $class . '.php';
}

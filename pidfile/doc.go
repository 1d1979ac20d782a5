package pidfile

package control

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// watchEvery is how often the socket is looked for; it is back within 5 s when something removes it.
const watchEvery = 4 * time.Second

// Server answers on the socket of one place.
type Server struct {
	place    Place
	log      logrus.FieldLogger
	http     *http.Server
	visitors *visitors
	used     func() // called when a request comes, and when it was answered
	closed   chan struct{}
	ended    chan struct{} // the watch has ended
	once     sync.Once

	mu       sync.Mutex
	listener net.Listener
	inode    os.FileInfo
	moved    func()
}

// Serve opens the door. used is called when a request comes and when it was answered; it must not block. An inherited
// listener, of a daemon before us, is taken as long as the socket's path leads to it; nil is none.
func Serve(place Place, system System, daemon Daemon, log logrus.FieldLogger, used func(), inherited net.Listener) (*Server, error) {
	s := &Server{place: place, log: log, used: used, visitors: newVisitors(), closed: make(chan struct{}), ended: make(chan struct{})}
	s.http = &http.Server{
		Handler:           s.only(routes(system, daemon, s.closed)),
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       30 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // a client that leaves is no error
		ConnState:         s.visitors.state,
		ConnContext: func(ctx context.Context, connection net.Conn) context.Context {
			return context.WithValue(ctx, connectionKey{}, connection)
		},
	}
	if !s.inherit(inherited) {
		if err := s.listen(); err != nil {
			return nil, err
		}
	}
	go s.watch()
	return s, nil
}

// inherit serves a listener that was there before us, if clients still find it: whoever has knocked meanwhile is let in.
func (s *Server) inherit(listener net.Listener) bool {
	if listener == nil {
		return false
	}
	info, err := os.Lstat(s.place.Socket)
	unixListener, ok := listener.(*net.UnixListener)
	if err != nil || !ok || info.Mode()&os.ModeSocket == 0 {
		_ = listener.Close()
		return false
	}
	unixListener.SetUnlinkOnClose(false)
	s.listener, s.inode = listener, info
	s.serve(listener)
	return true
}

func (s *Server) serve(listener net.Listener) {
	go func() {
		if err := s.http.Serve(patient{listener, s.visitors, s.log, s.closed}); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			s.log.Errorf("control socket: %v", err)
		}
	}()
}

// Listener lends the descriptor of what clients knock at. It must not be made to block.
func (s *Server) Listener(use func(fd int)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	listener, ok := s.listener.(*net.UnixListener)
	if !ok {
		return errors.New("no unix socket")
	}
	raw, err := listener.SyscallConn()
	if err != nil {
		return err
	}
	return raw.Control(func(fd uintptr) { use(int(fd)) })
}

// Moved is told when there is a new listener: the socket was gone, and is back.
func (s *Server) Moved(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moved = f
}

type connectionKey struct{}

// only lets ourselves and root in.
func (s *Server) only(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connection, _ := r.Context().Value(connectionKey{}).(*net.UnixConn)
		uid, err := -1, errors.New("not a unix socket")
		if connection != nil {
			uid, err = peer(connection)
		}
		if err != nil || uid != 0 && uid != os.Getuid() {
			refuse(w, &Refusal{Message: fmt.Sprintf("user %d may not control this daemon", uid)})
			return
		}
		s.used()
		defer s.used()
		r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
		next.ServeHTTP(w, r)
	})
}

// listen binds under another name and moves the socket into place: its path is never without a listener once it exists.
func (s *Server) listen() error {
	if err := s.place.Prepare(); err != nil {
		return err
	}
	fresh := s.place.Socket + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	path, held, err := short(fresh)
	if err != nil {
		return err
	}
	if held != nil {
		defer held.Close()
	}
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return fmt.Errorf("control socket: %w", err)
	}
	listener.SetUnlinkOnClose(false)
	info, err := moveIntoPlace(fresh, s.place.Socket)
	if err != nil {
		_ = listener.Close()
		_ = os.Remove(fresh)
		return fmt.Errorf("control socket: %w", err)
	}
	s.mu.Lock()
	old := s.listener
	s.listener, s.inode = listener, info
	s.mu.Unlock()
	if old != nil {
		_ = old.Close()
	}
	s.serve(listener)
	return nil
}

func moveIntoPlace(fresh, path string) (os.FileInfo, error) {
	if err := os.Chmod(fresh, 0o600); err != nil {
		return nil, err
	}
	info, err := os.Lstat(fresh)
	if err != nil {
		return nil, err
	}
	return info, os.Rename(fresh, path)
}

// watch puts the socket back when a cleaner of temporary files has removed it.
func (s *Server) watch() {
	defer close(s.ended)
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	told := false
	for {
		select {
		case <-s.closed:
			return
		case <-ticker.C:
		}
		s.mu.Lock()
		mine := s.inode
		s.mu.Unlock()
		if info, err := os.Lstat(s.place.Socket); err == nil && os.SameFile(info, mine) {
			told = false
			continue
		}
		if err := s.listen(); err != nil {
			if !told {
				s.log.Errorf("the control socket is gone and cannot be put back: %v", err)
			}
			told = true
			continue
		}
		told = false
		s.log.Warnf("the control socket %s was gone and is back", filepath.Base(s.place.Socket))
		s.mu.Lock()
		moved := s.moved
		s.mu.Unlock()
		if moved != nil {
			moved()
		}
	}
}

// Leave ends the door for us alone: the socket stays where it is, for the daemon that comes next. Requests under way have a
// moment to be answered.
func (s *Server) Leave() {
	s.once.Do(func() {
		s.shut()
		ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		defer cancel()
		if s.http.Shutdown(ctx) != nil {
			_ = s.http.Close()
		}
	})
}

// Close ends the door: requests under way have a moment to be answered, and who follows events has heard them all.
func (s *Server) Close() { s.once.Do(s.close) }

// shut lets nobody in any more; nor is the socket put back from then on.
func (s *Server) shut() {
	close(s.closed)
	s.visitors.close()
	<-s.ended
}

func (s *Server) close() {
	s.shut()
	s.mu.Lock()
	if info, err := os.Lstat(s.place.Socket); err == nil && os.SameFile(info, s.inode) {
		_ = os.Remove(s.place.Socket)
	}
	s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
	}
}

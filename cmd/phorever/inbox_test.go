package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"time"
)

// letter is a request that an inbox has got.
type letter struct {
	Time    time.Time         `json:"time"`
	Path    string            `json:"path"`
	Headers map[string]string `json:"headers"`
	Body    json.RawMessage   `json:"body"`
}

// inbox is a web service that news is posted to: it writes each request as a line to a file, and where it can be reached to
// FILE.url, which is the same after a restart. While there is FILE.answer, it answers with what that says: a status, "hang", or a
// status and how many seconds to wait before the next try.
func inbox(path string) {
	address := "127.0.0.1:0"
	if before, err := os.ReadFile(path + ".url"); err == nil {
		address, _, _ = strings.Cut(strings.TrimPrefix(string(before), "http://"), "/")
	}
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, os.Interrupt)
	go func() {
		<-asked
		os.Exit(0)
	}()
	listener, err := net.Listen("tcp", address)
	check(err)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	check(err)
	check(os.WriteFile(path+".url", []byte("http://"+listener.Addr().String()+"/hook/s3cr3t"), 0o600))
	check(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		answer, _ := os.ReadFile(path + ".answer")
		words := strings.Fields(string(answer))
		if len(words) > 0 && words[0] == "hang" {
			<-r.Context().Done()
			return
		}
		if len(words) > 1 {
			w.Header().Set("Retry-After", words[1])
		}
		if len(words) > 0 {
			status, _ := strconv.Atoi(words[0])
			w.WriteHeader(status)
			return
		}
		l := letter{Time: time.Now(), Path: r.URL.Path, Headers: map[string]string{}, Body: body}
		for name := range r.Header {
			l.Headers[name] = r.Header.Get(name)
		}
		line, err := json.Marshal(l)
		if err == nil {
			_, _ = file.Write(append(line, '\n'))
		}
		_, _ = io.WriteString(w, "ok")
	})))
}

package spec

import (
	"bytes"
	"io"
	"os"
	"regexp"
	"strings"
	"sync"
	"syscall"

	"github.com/joho/godotenv"
)

// maxEnvFile is far more than the kernel gives a program as its environment.
const maxEnvFile = 1 << 20

// envProblem is what is wrong with an env_file. Its message is "" when nothing is.
type envProblem struct{ message, hint string }

// readEnvFile reads an env_file. It neither waits for a writer, as of a FIFO, nor reads without end: each start of a
// process reads the file, and a start must not hang. Problems never quote the file, which is where secrets are kept.
func readEnvFile(path string) (map[string]string, envProblem) {
	data, problem := readPlainFile(path)
	if problem.message != "" {
		return nil, problem
	}
	if bytes.IndexByte(data, 0) >= 0 {
		return nil, envProblem{"holds a NUL character", ""}
	}
	values, err := godotenv.UnmarshalBytes(data)
	if err != nil {
		message := nearText().ReplaceAllString(err.Error(), "")
		if strings.HasPrefix(message, "unterminated quoted value") {
			message = "a quoted value is not closed"
		}
		return nil, envProblem{message, ""}
	}
	return values, envProblem{}
}

func readPlainFile(path string) ([]byte, envProblem) {
	// Without O_NONBLOCK the open itself would wait. os.OpenFile adds O_CLOEXEC.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, envProblem{reason(err), ""}
	}
	defer f.Close()
	switch info, err := f.Stat(); {
	case err != nil:
		return nil, envProblem{reason(err), ""}
	case info.IsDir():
		return nil, envProblem{"is a directory", ""}
	case !info.Mode().IsRegular() && path != os.DevNull: // which is a usual way to say "none"
		return nil, envProblem{"is not a regular file", "it is read at each start of a process; write what it would hold into a file"}
	}
	data, err := io.ReadAll(io.LimitReader(f, maxEnvFile+1))
	switch {
	case err != nil:
		return nil, envProblem{reason(err), ""}
	case len(data) > maxEnvFile:
		return nil, envProblem{"is larger than 1 MiB", "it holds lines of NAME=value; a program must read anything larger itself"}
	}
	return data, envProblem{}
}

// nearText is the part of godotenv's errors that quotes the file, which may hold secrets.
var nearText = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?s) near .*$`) })

//go:build !linux

package child

import "os"

// InputFile is a text that a program can read from its beginning, in a file without a name.
func InputFile(text []byte) (*os.File, error) {
	file, err := os.CreateTemp("", "phorever-input")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(file.Name())
	return filled(file, text)
}

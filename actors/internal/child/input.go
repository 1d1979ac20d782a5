package child

import "os"

// filled writes a text into an empty file, and goes back to its beginning.
func filled(file *os.File, text []byte) (*os.File, error) {
	_, err := file.Write(text)
	if err == nil {
		_, err = file.Seek(0, 0)
	}
	if err != nil {
		_ = file.Close()
		return nil, err
	}
	return file, nil
}

package logs

// Shelter is where a pump keeps what must outlive this process.
type Shelter struct {
	Directory string                    // exists, 0700, ours; on a tmpfs where there is one
	Hold      func(path string)         // has whoever outlives us open this FIFO and keep it. It does not block, and calls keep their order
	Keep      func(path string, fd int) // the same of one that is open here, at once
	Let       func(path string)         // the reverse of both
	Owner     int                       // of the configuration: his symbolic links are followed on the way to a log, beside root's and our own
}

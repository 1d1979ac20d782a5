package logs

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/dcousineau/phorever/actors/internal/failpoint"
)

// record is what the ledger says of one stage. Whatever moment we are killed at, it tells the next pump what to do:
//
//	phase     bytes in the stage   what has happened             what is to be done
//	idle      none                 nothing
//	taking    none                 not begun                     nothing: the lines are in their FIFO still
//	taking    some                 taken out of the FIFO         write them, count their ends
//	writing   some                 partly written                write the rest, add the lines
//	writing   none                 all written                   add the lines
//	counting  none                 perhaps added                 set the count to what it is to be
type record []byte

// phase of a record.
type phase byte

const (
	phaseIdle phase = iota
	phaseTaking
	phaseWriting
	phaseCounting
)

// Where what stands in a record.
const (
	recordPhase = 0
	recordLines = 8
	recordBase  = 16 // of the counter, before the lines were added
	recordSlot  = 24
	recordPath  = 32
)

func (l *ledger) record(i int) record {
	at := headSize + i*stageSize
	return record(l.memory[at : at+stageSize : at+stageSize])
}

func (r record) phase() phase        { return phase(r[recordPhase]) }
func (r record) set(p phase)         { r[recordPhase] = byte(p) }
func (r record) number(at int) int64 { return int64(binary.NativeEndian.Uint64(r[at:])) }
func (r record) lines() int64        { return r.number(recordLines) }
func (r record) base() int64         { return r.number(recordBase) }
func (r record) counter() int        { return int(r.number(recordSlot)) }
func (r record) path() string        { return nameIn(r[recordPath:]) }
func (r record) put(at int, n int64) { binary.NativeEndian.PutUint64(r[at:], uint64(n)) }

// begin notes what is about to be taken out of a stream's FIFO. A path that is too long for the record is not noted: what is on
// its way to such a file is lost if we are killed.
func (b *batch) begin(p *Pump, s *Stream, lines int) {
	if b.record == nil {
		return
	}
	path := s.file.options.Path
	if len(path) >= longestPath {
		return
	}
	b.record.put(recordLines, int64(lines))
	b.record.put(recordSlot, int64(p.ledger.slotOf(s.counter)))
	copy(b.record[recordPath:], path)
	b.record[recordPath+len(path)] = 0
	b.record[recordFrame] = 0
	b.record.set(phaseTaking)
}

// moved notes that it is in the stage, and how many lines it is by now.
func (b *batch) moved(lines int) {
	if b.record != nil && b.record.phase() == phaseTaking {
		b.record.put(recordLines, int64(lines))
		b.record.set(phaseWriting)
	}
}

// written adds the lines of a batch, which its file has taken, to a counter: once, whenever we are killed.
func (b *batch) written(c *Counter, lines int) {
	if b.record != nil && b.record.phase() == phaseWriting {
		base := c.Logged.Load()
		b.record.put(recordLines, int64(lines))
		b.record.put(recordBase, base)
		b.record.set(phaseCounting)
		_ = failpoint.At("log.counting")
		c.Logged.Store(base + int64(lines)) // the pump's goroutine is the only writer
		_ = failpoint.At("log.counted")
		b.record.set(phaseIdle)
		return
	}
	c.Logged.Add(int64(lines))
}

// given notes that nothing of the batch is to be written any more.
func (b *batch) given() {
	if b.record != nil {
		b.record.set(phaseIdle)
	}
}

// stageName is the FIFO that is stage number i.
func (p *Pump) stageName(i int) string {
	return filepath.Join(p.shelter.Directory, fmt.Sprintf("stage.%d", i))
}

// newStage makes a stage that outlives us, or where that cannot be had an ordinary pipe.
func (p *Pump) newStage() (stage pipe, r record, number int, err error) {
	if p.ledger != nil {
		for i := range stageRecords {
			if p.stageTaken[i] {
				continue
			}
			path := p.stageName(i)
			if err := unix.Mkfifo(path, 0o600); err != nil && err != unix.EEXIST {
				break
			}
			read, write, err := openBoth(path)
			if err != nil {
				break
			}
			_ = unix.SetNonblock(write, true)
			p.stageTaken[i] = true
			p.shelter.Keep(path, read) // nobody else has it open
			return pipe{read, write}, p.ledger.record(i), i, nil
		}
	}
	stage, err = newPipe()
	return stage, nil, -1, err
}

// closeStage gives back the stage of a batch that was parked.
func (p *Pump) closeStage(b *batch) {
	b.stage.close()
	if b.number >= 0 {
		path := p.stageName(b.number)
		_ = os.Remove(path)
		p.shelter.Let(path)
		p.stageTaken[b.number] = false
		b.number, b.record = -1, nil
	}
}

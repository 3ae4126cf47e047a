"""The journal: what returned from a call is here, and SIGKILL does not take it away.

One folder per writer (a process, design P1), `<root>/<32 hex digits>/`:

    header            JSON: format, writer_id, host, boot_id, pid, started_at, workspace; written once
    alive             empty; its POSIX record lock is held for as long as the writer lives
    dictionary        definitions of lanes and series, appended before they are first used
    dictionary.copy   the same bytes again, so that no single flip takes a definition away
    00000001.seg ...  segments, preallocated, 64 KiB at first, doubling to 8 MiB
    checkpoint        JSON, a shipper's: up to where everything is acknowledged, and the runs it sends signs of life for
    pulse             empty; touched every two seconds where the node's shipper sends for the process (shipper.pulse)
    binding           JSON, created exclusively: the workspace and experiment an offline journal was given
    spool/            copies of files whose upload waits

A segment is blocks of 4,096 bytes: a header of 32 bytes and 127 slots of 32 bytes, little-endian. Each crc is a
CRC-32C (RFC 3720): processors have an instruction for it; zlib's would be half of what a full block costs its call.

    block header   u32 crc of the 4,064 bytes behind it, u32 slots in use, 20 zero bytes, u32 magic; zero while open
    point slot     i64 step, f64 time, f64 value, u32 low half of the ordinal, u32 series id (1 .. 0xFFFFFFEF)
    frame          head slot: u32 length, u32 crc, 20 bytes of the body, u32 0xFFFFFFFF
                   then slots: 28 bytes of the body, u32 0xFFFFFFFE

The last word of a slot is its marker and is written last; 0 is an empty slot, a hole where something was begun and
never finished. A frame lies in consecutive slots of one segment, over block headers. Its body is a kind byte and what
`frames` says. The first frame of a segment names the next ordinal of every lane, so that a lost block shifts nothing.
The last block of a segment is kept free for the closing frame: a writer can say where it ended although the disk is
full.

Points lie in slots; facts, text values and pieces of log text, whose ordinals are bytes, in frames. Format 2 differs
from 1 by the frames of log text alone; both are read.

A closed block counts by its CRC: a flipped byte costs that block and nothing else. In the open block points of a lane
have consecutive ordinals, a record that has not is damage; a flip there may alter that one record's step, time or
value. A dictionary is entries at multiples of 16 bytes: u32 length, u32 crc, JSON; zeros up to the next multiple.

Who writes: `writer` (and `tail`, `points` below it). Who reads, in the same process or another, now or after years:
`reader`. `folder` knows folders, `process` this process's journals, `repair` damaged ones.
"""

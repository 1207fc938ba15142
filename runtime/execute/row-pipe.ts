// A named pipe between the engine, which writes rows into it as if it were a file, and the stream that a target reads: no
// row waits on a disk, and neither side gets ahead of the other. Reports STATE_IO.

import { execFile } from 'node:child_process'
import { closeSync, constants, openSync, rmSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { ioFailure } from '../store/files.ts'
import { onLeaving } from '../store/leaving.ts'

/** How often a writer that comes when its reader has gone is let in, to find nobody there. */
const LET_IN_MS = 20

export interface RowPipe {
  readonly path: string
  readonly stream: Readable
  /** Never fails. */
  remove(): void
}

const run = promisify(execFile)

/** A pipe at `path`, a free name. */
export async function makeRowPipe(path: string): Promise<RowPipe> {
  try {
    await run('mkfifo', ['-m', '600', path])
    // Not waiting for the writer: a writer that fails before it opens the pipe would leave the reader waiting for ever.
    const descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
    // Read by the event loop: a file's stream would keep one of the few threads in which the engine runs.
    const stream = new Socket({ fd: descriptor, readable: true, writable: false })
    stream.on('error', () => {})
    const timer = setInterval(() => stream.destroyed && letIn(path), LET_IN_MS)
    // A process does not end while a thread of its engine waits for a reader.
    const forget = onLeaving(() => {
      stream.destroy()
      letIn(path)
    })
    return {
      path,
      stream,
      remove() {
        forget()
        clearInterval(timer)
        stream.destroy()
        rmSync(path, { force: true })
      },
    }
  } catch (error) {
    throw ioFailure(error, 'make the pipe', path)
  }
}

/** A writer that opens a pipe waits for a reader, for ever when that has gone: it is opened and closed again for it. */
function letIn(path: string): void {
  try {
    closeSync(openSync(path, constants.O_RDONLY | constants.O_NONBLOCK))
  } catch {
    // The folder is gone: so is the writer.
  }
}

// A named pipe between the engine, which writes rows into it as if it were a file, and the stream that a target reads: no
// row waits on a disk, and neither side gets ahead of the other. Reports STATE_IO.

import { execFile } from 'node:child_process'
import { constants, openSync, rmSync } from 'node:fs'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { ioFailure } from '../store/files.ts'

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
    return { path, stream, remove: () => remove(path, stream) }
  } catch (error) {
    throw ioFailure(error, 'make the pipe', path)
  }
}

function remove(path: string, stream: Socket): void {
  stream.destroy()
  rmSync(path, { force: true })
}

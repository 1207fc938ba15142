// The process as a Host: streams, signals, exit code. The only place that touches `process` for a command line. What a
// command is told to end by: Ctrl-C, SIGTERM, SIGHUP. One that listens winds up; any other ends at once, and in both
// cases no lock and no folder of its own stays behind.

import { getEventListeners } from 'node:events'
import { takeAwayWhatIsLeft } from '../store/leaving.ts'
import { type Program, runProgram } from './program.ts'

/** What a write fails with when nobody reads any more: a pipe that was closed, a terminal that is gone. */
const NOBODY_READS: readonly (string | undefined)[] = ['EPIPE', 'ERR_STREAM_DESTROYED', 'EIO']

/** Exit code of a command that was ended by a signal: 128 and the signal's number. */
const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const
const INTERRUPTED = 130

/** How long a command may take to wind up. */
const GRACE_MS = 10_000

interface Watched {
  readonly signal: AbortSignal
  /** The exit code that the signal asks for, if there was one. */
  readonly asked: () => number | null
}

function watchSignals(): Watched {
  const controller = new AbortController()
  const { signal } = controller
  let asked: number | null = null
  const leave = (code: number): void => {
    takeAwayWhatIsLeft()
    process.stderr.write('Interrupted.\n')
    process.exit(code)
  }
  for (const [name, code] of Object.entries(SIGNALS))
    process.on(name, () => {
      if (asked !== null || getEventListeners(signal, 'abort').length === 0) leave(code)
      asked = code
      controller.abort()
      setTimeout(() => leave(code), GRACE_MS).unref()
    })
  return { signal, asked: () => asked }
}

/** Opened only where it is asked for: it takes longer than the rest of the host. */
const STDIN = {
  get isTTY(): boolean {
    return process.stdin.isTTY
  },
}

/** Null: it was removed while somebody was in it. */
function currentFolder(): string | null {
  try {
    return process.cwd()
  } catch {
    return null
  }
}

/** Runs the process's own command line and sets its exit code. */
export async function runAsProcess(program: Program): Promise<void> {
  const cwd = currentFolder()
  if (cwd === null) {
    process.stderr.write('✗ The current folder is not there any more.\n  hint: Change to one that is.\n')
    process.exitCode = 2
    return
  }
  const { signal, asked } = watchSignals()
  // A reader that stops early (`seeknal run | head`) neither ends the command nor is an error of it. A disk that is
  // full under stdout does not end it either, but an answer that is not whole is no success.
  let lost = false
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (NOBODY_READS.includes(error.code)) return
      if (!lost && stream === process.stdout) process.stderr.write(`✗ Cannot write to stdout: ${error.message}.\n`)
      lost = true
      if (process.exitCode === 0) process.exitCode = 1
    })
  const code = await runProgram(program, process.argv.slice(2), {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: STDIN,
    cwd,
    environment: process.env,
    signal,
  })
  const ended = code === INTERRUPTED ? (asked() ?? code) : code
  process.exitCode = ended === 0 && lost ? 1 : ended
}

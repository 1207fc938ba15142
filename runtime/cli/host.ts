// The process as a Host: streams, Ctrl-C, exit code. The only place that touches `process` for a command line.

import { type Program, runProgram } from './program.ts'

/** What a write fails with when nobody reads any more: a pipe that was closed, a terminal that is gone. */
const NOBODY_READS: readonly (string | undefined)[] = ['EPIPE', 'ERR_STREAM_DESTROYED', 'EIO']

/** Runs the process's own command line and sets its exit code. */
export async function runAsProcess(program: Program): Promise<void> {
  const controller = new AbortController()
  process.on('SIGINT', () => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort()
  })
  // A reader that stops early (`seeknal run | head`) neither ends the command nor is an error of it. A disk that is
  // full under stdout does not end it either, but an answer that is not whole is no success.
  let lost = false
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (NOBODY_READS.includes(error.code)) return
      lost = true
      if (process.exitCode === 0) process.exitCode = 1
    })
  const code = await runProgram(program, process.argv.slice(2), {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    cwd: process.cwd(),
    environment: process.env,
    signal: controller.signal,
  })
  process.exitCode = code === 0 && lost ? 1 : code
}

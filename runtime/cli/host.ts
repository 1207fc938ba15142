// The process as a Host: streams, Ctrl-C, exit code. The only place that touches `process` for a command line.

import { type Program, runProgram } from './program.ts'

/** Runs the process's own command line and sets its exit code. */
export async function runAsProcess(program: Program): Promise<void> {
  const controller = new AbortController()
  process.on('SIGINT', () => {
    if (controller.signal.aborted) process.exit(130)
    controller.abort()
  })
  // A reader that stops early (`seeknal repl … | head`) is no error.
  for (const stream of [process.stdout, process.stderr])
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error
      process.exit(0)
    })
  process.exitCode = await runProgram(program, process.argv.slice(2), {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    cwd: process.cwd(),
    environment: process.env,
    signal: controller.signal,
  })
}

// A process of its own that runs test files (programs/test-files.ts), one after the other, and what each of them reported
// and printed. With its own temporary folder and home, which are gone when it has ended.

import { type ChildProcess, fork } from 'node:child_process'
import { chmodSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FileReport } from './report.ts'

/** Exit code, or the signal that ended it. */
export type Ending = number | string

/** A file that was run. `report` is null when it wrote none. */
export interface Outcome {
  readonly report: FileReport | null
  readonly ending: Ending
  readonly output: string
  /** The process ended with the file: it takes no other. */
  readonly isOver: boolean
}

/** What programs/test-files.ts answers. */
export interface Answer {
  readonly report: FileReport
  readonly code: number
}

/** An empty folder that PostgreSQL, which runs as another user when the tests run as root, may go through. */
export function folderFor(what: string): string {
  const folder = mkdtempSync(join(tmpdir(), `${what}-`))
  chmodSync(folder, 0o711)
  return folder
}

export class TestProcess {
  readonly #folder = folderFor('test')
  readonly #outputFile = join(this.#folder, 'output')
  readonly #reportFile = join(this.#folder, 'report.json')
  readonly #timeoutMs: number
  readonly #child: ChildProcess
  readonly #ended: Promise<Ending>
  #answered: (answer: Answer) => void = () => {}
  #readBytes = 0
  #timedOut = false

  constructor(program: string, timeoutMs: number) {
    this.#timeoutMs = timeoutMs
    // Both streams into one file: what a file printed is there in full, and in order, when its answer is.
    const output = openSync(this.#outputFile, 'a')
    this.#child = fork(program, {
      // Machine code that is worth its making costs a sixth of the processor, and is used for a minute.
      execArgv: ['--no-opt'],
      env: {
        ...process.env,
        NO_COLOR: '1',
        FORCE_COLOR: '0',
        TMPDIR: this.#folder,
        HOME: this.#folder,
        SEEKNAL_TEST_REPORT: this.#reportFile,
      },
      stdio: ['ignore', output, output, 'ipc'],
    })
    closeSync(output)
    this.#child.on('message', (answer: Answer) => this.#answered(answer))
    this.#ended = new Promise((resume) => {
      this.#child.once('exit', (code, signal) => resume(code ?? signal ?? 'no code'))
    })
  }

  /** Runs a file. A process that ends meanwhile has written its report as far as it could. */
  async run(file: string): Promise<Outcome> {
    const answer = new Promise<Answer>((resume) => {
      this.#answered = resume
    })
    this.#child.send(file, () => {})
    const outcome = await this.#inTime(Promise.race([answer, this.#ended]))
    const output = this.#newOutput()
    if (typeof outcome === 'object') return { report: outcome.report, ending: outcome.code, output, isOver: false }
    const report = existsSync(this.#reportFile) ? JSON.parse(readFileSync(this.#reportFile, 'utf8')) : null
    return { report, ending: outcome, output, isOver: true }
  }

  /** Lets it end; gives how it ended, and what it printed after its last file. */
  async end(): Promise<{ readonly ending: Ending; readonly output: string }> {
    if (this.#child.connected) this.#child.disconnect()
    const ending = await this.#inTime(this.#ended)
    const output = this.#newOutput()
    rmSync(this.#folder, { recursive: true, force: true })
    return { ending, output }
  }

  async #inTime<T>(awaited: Promise<T>): Promise<T> {
    const timer = setTimeout(() => {
      this.#timedOut = true
      this.#child.kill('SIGKILL')
    }, this.#timeoutMs)
    try {
      return await awaited
    } finally {
      clearTimeout(timer)
    }
  }

  #newOutput(): string {
    const bytes = readFileSync(this.#outputFile)
    const text = bytes.subarray(this.#readBytes).toString()
    this.#readBytes = bytes.length
    return this.#timedOut ? `${text}\nkilled after ${this.#timeoutMs / 1000} s\n` : text
  }
}

// A bar on stderr while nodes execute: how many of how many, what runs, rows so far, elapsed time. Only on a terminal.

import { createLogUpdate } from 'log-update'
import { duration, oneLine, rowCount } from './text.ts'

const WIDTH = 24
const REFRESH_MS = 120

export class ProgressBar {
  readonly #log = createLogUpdate(process.stderr)
  readonly #running = new Map<string, number>()
  #total = 0
  #done = 0
  #rows = 0
  #started = 0
  #timer: NodeJS.Timeout | undefined

  start(total: number): void {
    this.#total = total
    this.#started = performance.now()
    this.#timer = setInterval(() => this.show(), REFRESH_MS)
    this.#timer.unref()
  }

  running(node: string): void {
    this.#running.set(node, performance.now())
  }

  finished(node: string, rows: number | null): void {
    this.#running.delete(node)
    this.#done += 1
    this.#rows += rows ?? 0
  }

  hide(): void {
    this.#log.clear()
  }

  show(): void {
    if (this.#timer === undefined || this.#total === 0) return
    const filled = Math.round((Math.min(this.#done, this.#total) / this.#total) * WIDTH)
    const bar = '█'.repeat(filled) + '░'.repeat(WIDTH - filled)
    const [node, since] = [...this.#running][0] ?? ['', 0]
    const now = node === '' ? '' : `  ${oneLine(node)} ${duration(performance.now() - since)}`
    const rows = this.#rows === 0 ? '' : `  ${rowCount(this.#rows)}`
    this.#log(`${bar}  ${this.#done}/${this.#total}${rows}  ${duration(performance.now() - this.#started)}${now}`)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#log.clear()
    this.#log.done()
  }
}

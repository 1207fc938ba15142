// Where a command writes. Results go to stdout; errors, warnings and hints to stderr. With --json, stdout holds one
// document or one JSON value a line and everything for people goes to stderr. No text is wrapped or truncated here, and
// no control character of what comes from outside is sent to a terminal: JSON has the same escapes.

import { escaped, rendered, styled, type Text } from './text.ts'

export interface TerminalOptions {
  readonly json: boolean
  readonly quiet: boolean
  readonly verbose: boolean
  readonly color: boolean
  /** A person sits at it: it may be asked, and bars may be drawn. */
  readonly interactive: boolean
}

export interface Sink {
  write(text: string): unknown
  /** A person looks at it. */
  readonly isTTY?: boolean
}

export class Terminal {
  readonly options: TerminalOptions
  readonly #out: Sink
  readonly #err: Sink

  constructor(options: TerminalOptions, out: Sink, err: Sink) {
    this.options = options
    this.#out = out
    this.#err = err
  }

  /** A line for people, and never more than one: `--quiet` leaves it out, `--json` moves it to stderr. */
  line(text: Text = ''): void {
    if (this.options.quiet) return
    const sink = this.options.json ? this.#err : this.#out
    sink.write(`${rendered(text, this.options.color, 'one')}\n`)
  }

  info(text: Text): void {
    this.line([styled('blue', 'ℹ'), ' ', text])
  }

  success(text: Text): void {
    this.line([styled('green', '✓'), ' ', text])
  }

  /** Only with --verbose, on stderr. */
  detail(text: Text): void {
    if (this.options.verbose) this.problem(styled('dim', typeof text === 'string' ? text : rendered(text, false)))
  }

  /** A line of the answer that was asked for: shown with --quiet too. Not for --json. */
  result(text: Text = ''): void {
    this.#out.write(`${rendered(text, this.options.color, 'one')}\n`)
  }

  /** Text of several lines, without a final newline, exact for a program and a file; a terminal shows escapes. */
  raw(text: string): void {
    this.#out.write(this.#out.isTTY === true ? escaped(text) : text)
  }

  warn(text: Text): void {
    this.problem([styled('yellow', '⚠'), ' ', text])
  }

  error(text: Text): void {
    this.problem([styled('red', '✗'), ' ', text])
  }

  hint(text: Text): void {
    this.problem(['  ', styled('cyan', 'hint:'), ' ', text])
  }

  /** On stderr; a message of an engine may have several lines. */
  problem(text: Text): void {
    this.#err.write(`${rendered(text, this.options.color)}\n`)
  }

  /** With --json: the one document of the command. */
  document(value: unknown): void {
    this.#out.write(`${escaped(JSON.stringify(value, jsonValue, 2))}\n`)
  }

  /** With --json: one value of many, on a line. */
  record(value: unknown): void {
    this.#out.write(`${escaped(JSON.stringify(value, jsonValue))}\n`)
  }
}

/** Maps become objects; whole numbers that a JSON reader would round become text. */
function jsonValue(_key: string, value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries(value)
  if (value instanceof Set) return [...value]
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  return value
}

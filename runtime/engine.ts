// The engine that executes steps, as the runtime sees it. Implemented under engines/<name>/, the only places that
// import a driver. All paths are absolute; links have been resolved by the caller.

export interface EngineOptions {
  /** Directories below which files may be read or written; everything else is refused by the engine itself. */
  readonly allowedDirectories: readonly string[]
  /** Single files, and globs exactly as a step spells them, that may be read besides. */
  readonly allowedPaths: readonly string[]
  /** Where larger-than-memory work spills. Below an allowed directory. */
  readonly spillDirectory: string
  /** As the engine writes it: `1GB`, `80%`. */
  readonly memoryLimit?: string
  readonly threads?: number
  /** Settings that change results. Throws STATEMENT_REFUSED for any other. */
  readonly settings: Readonly<Record<string, string>>
}

/** Values of SQL variables that a step reads: roots, run parameters. Text only; the run timestamp is given apart. */
export interface StepVariables {
  readonly values: Readonly<Record<string, string>>
  /** ISO 8601 with Z. */
  readonly runTimestamp: string
}

export interface StepRequest {
  readonly prelude: string
  readonly sql: string
  readonly variables: StepVariables
  /** The one file that the step may write: `<value of variable>/<file>`. */
  readonly output: { readonly variable: string; readonly file: string }
  /** Names and types that the output must have, in order. Null: only data can tell. */
  readonly columns: readonly OutputColumn[] | null
  /** Absolute paths of JSON files of which each column must be a key. Absent: it reads none. */
  readonly jsonFiles?: readonly string[]
}

export interface OutputColumn {
  readonly name: string
  readonly type: string
}

export interface CheckRequest {
  readonly prelude: string
  /** One SELECT that gives rows of id, severity and failing rows. */
  readonly sql: string
  readonly variables: StepVariables
  /** How many rows it may give. */
  readonly mostRows: number
}

export interface FailingRows {
  readonly id: string
  readonly failingRows: number
}

/** What a step wrote. */
export interface WrittenOutput {
  readonly columns: readonly OutputColumn[]
  readonly rows: number
}

export interface OutputFacts {
  readonly rows: number
  /** `<rows>:<sum of row hashes modulo 2^128, hex>:<columns fingerprint>`. */
  readonly digest: string
  readonly columns: readonly OutputColumn[]
}

export interface MergedFiles {
  readonly kept: string
  readonly read: string
  readonly to: string
}

/** By which column it can be told which rows of a source were stored. */
export interface Growth {
  readonly column: string
  readonly type: string
  readonly lookbackSeconds: number
}

export interface KeyColumns {
  readonly keys: readonly string[]
  readonly time: string | null
}

export interface KeyFacts {
  /** Keys that more than one row has; NULL counts as a value. */
  readonly duplicates: number
  /** Rows with a NULL among their keys. */
  readonly nullKeys: number
  /** Rows whose time is NULL, or infinite. */
  readonly nullTimes: number
  readonly infiniteTimes: number
}

export interface Engine {
  /** `duckdb v1.5.6`. */
  readonly version: string
  /**
   * Runs a step on a connection of its own that sees nothing of other steps: prelude, then the statements of the file.
   * Gives columns and rows of what it wrote. Where only data can tell the columns, what the file format would store with loss is cast.
   * Throws RuntimeFailure STEP_FAILED (facts: message, statement, offset in `sql` or null), OUTPUT_NOT_STORABLE or
   * OUTPUT_DIFFERS (facts: the same, and columns), STATEMENT_REFUSED, or STATE_IO when the disk is full.
   */
  runStep(step: StepRequest): Promise<WrittenOutput>
  /** Runs the SELECT of a check as a step runs, apart from all others. Throws STEP_FAILED, STATEMENT_REFUSED or STATE_IO. */
  runCheck(check: CheckRequest): Promise<readonly FailingRows[]>
  /** Row count, digest and columns of a written output. `columns`: its columns, where they are known. */
  inspectOutput(file: string, columns?: readonly OutputColumn[]): Promise<OutputFacts>
  /** Order-independent digest of some columns of an output, named ignoring case. Null: all. */
  digestColumns(file: string, columns: readonly string[] | null): Promise<string>
  /** From which value of the column on the rows of a stored output must be read again, as text; null: all of them. */
  leastToRead(file: string, growth: Growth): Promise<string | null>
  /** Writes `to`: the rows of `kept` below `least`, and those of `read`. Throws RuntimeFailure STATE_IO. */
  mergeRows(files: MergedFiles, growth: Growth, least: string): Promise<void>
  /**
   * Writes an output to `path`, a file or a pipe, as a target of these columns reads it: CSV without a header, or where all
   * columns have it the shorter text of contract/target-wire.ts. Ends when the reader has taken it all. Throws
   * RuntimeFailure TARGET_FAILED or STATE_IO.
   */
  exportRows(file: string, columns: readonly OutputColumn[], path: string, spelling: 'csv' | 'wire'): Promise<void>
  /** What would be wrong with an output's rows as keys of a target, or as its range of time. */
  keyFacts(file: string, columns: KeyColumns): Promise<KeyFacts>
  /** Interrupts what runs. */
  interrupt(): void
  close(): Promise<void>
}

// Executes steps on DuckDB: one database a run, confined; one connection and one catalogue a step, so that steps that
// run at the same time see nothing of each other. Memory is shared and bounded; what exceeds it spills.
// Reports STEP_FAILED, OUTPUT_NOT_STORABLE, OUTPUT_DIFFERS, STATEMENT_REFUSED, STATE_IO, INTERRUPTED.

import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { RuntimeFailure } from '../../contract/failures.ts'
import type {
  CheckRequest,
  Engine,
  EngineOptions,
  FailingRows,
  Growth,
  KeyColumns,
  KeyFacts,
  MergedFiles,
  OutputColumn,
  OutputFacts,
  StepRequest,
  StepVariables,
  WrittenOutput,
} from '../../engine.ts'
import { checkStatement, failingRows } from './check-query.ts'
import { openConfined } from './confinement.ts'
import type { DuckDBConnection, DuckDBInstance } from './driver.ts'
import { leastToRead, mergeRows } from './growth.ts'
import { digestOfColumns, outputFacts } from './output-facts.ts'
import { literal, quoted } from './quoting.ts'
import { runOutput, runStatement } from './run-statement.ts'
import { generalFailure, stepFailure } from './step-errors.ts'
import { preludeFor, stepStatements } from './step-statements.ts'
import { exportRows, keyFacts } from './target-rows.ts'

/** Starts the engine. Costs 0.1–0.3 s. */
export async function startDuckDB(options: EngineOptions): Promise<Engine> {
  const { instance, control } = await openConfined(options)
  const version = String((await control.runAndReadAll('SELECT version()')).getRows()[0]?.[0])
  return new DuckDBEngine(instance, control, `duckdb ${version}`, options)
}

class DuckDBEngine implements Engine {
  readonly version: string
  readonly #instance: DuckDBInstance
  readonly #control: DuckDBConnection
  readonly #running = new Set<DuckDBConnection>()
  readonly #options: EngineOptions
  #exports: ReturnType<typeof openConfined> | undefined

  constructor(instance: DuckDBInstance, control: DuckDBConnection, version: string, options: EngineOptions) {
    this.#options = options
    this.#instance = instance
    this.#control = control
    this.version = version
  }

  async runStep(step: StepRequest): Promise<WrittenOutput> {
    const macros = preludeFor(step)
    const statements = stepStatements(step)
    return this.#apart(step.variables, macros, async (connection) => {
      let written: WrittenOutput = { columns: [], rows: 0 }
      for (const [i, statement] of statements.entries()) {
        if (statement.role === 'output') written = await runOutput(connection, statement, i, step)
        else await runStatement(connection, statement, i)
      }
      return written
    })
  }

  async runCheck(check: CheckRequest): Promise<readonly FailingRows[]> {
    const macros = preludeFor(check)
    const statement = checkStatement(check)
    return this.#apart(check.variables, macros, (connection) => failingRows(connection, statement, check.mostRows))
  }

  /** On a connection of its own, with a catalogue of its own. */
  async #apart<T>(
    variables: StepVariables,
    macros: ReturnType<typeof preludeFor>,
    body: (connection: DuckDBConnection) => Promise<T>,
  ): Promise<T> {
    // Steps that run at the same time share the database; no text can name the catalogue of another.
    const catalogue = `step_${randomBytes(12).toString('hex')}`
    const connection = await this.#instance.connect()
    this.#running.add(connection)
    try {
      const own = `ATTACH ':memory:' AS ${catalogue}; USE ${catalogue}`
      await connection.run(`${own}; ${variableStatements(variables)}`)
      for (const macro of macros) await runStatement(connection, macro, 0)
      return await body(connection)
    } catch (error) {
      throw stepFailure(error, { text: '', start: 0 }, 0)
    } finally {
      this.#running.delete(connection)
      connection.closeSync()
      await this.#control.run(`DETACH DATABASE IF EXISTS ${catalogue}`)
    }
  }

  inspectOutput(file: string, columns?: readonly OutputColumn[]): Promise<OutputFacts> {
    return this.#read(file, (connection) => outputFacts(connection, file, columns))
  }

  async digestColumns(file: string, columns: readonly string[] | null): Promise<string> {
    if (columns === null) return (await this.inspectOutput(file)).digest
    return this.#read(file, (connection) => digestOfColumns(connection, file, columns))
  }

  leastToRead(file: string, growth: Growth): Promise<string | null> {
    return this.#read(file, (connection) => leastToRead(connection, file, growth))
  }

  mergeRows(files: MergedFiles, growth: Growth, least: string): Promise<void> {
    return this.#read(files.kept, (connection) => mergeRows(connection, files, growth, least))
  }

  async exportRows(
    file: string,
    columns: readonly OutputColumn[],
    path: string,
    spelling: 'csv' | 'wire',
  ): Promise<void> {
    // In a database of its own, which keeps no order: rows that wait for the reader would fill the memory otherwise.
    this.#exports ??= openConfined({
      ...this.#options,
      settings: { preserve_insertion_order: 'false' },
      spillDirectory: join(this.#options.spillDirectory, 'exports'),
    })
    const { instance } = await this.#exports
    await this.#read(file, (connection) => exportRows(connection, file, columns, path, spelling), instance)
  }

  keyFacts(file: string, columns: KeyColumns): Promise<KeyFacts> {
    return this.#read(file, (connection) => keyFacts(connection, file, columns))
  }

  interrupt(): void {
    for (const connection of this.#running) connection.interrupt()
  }

  async close(): Promise<void> {
    const exports = await this.#exports?.catch(() => undefined)
    exports?.control.closeSync()
    exports?.instance.closeSync()
    this.#control.closeSync()
    this.#instance.closeSync()
  }

  async #read<T>(
    file: string,
    body: (connection: DuckDBConnection) => Promise<T>,
    instance = this.#instance,
  ): Promise<T> {
    const connection = await instance.connect()
    this.#running.add(connection)
    try {
      await connection.run('USE control')
      return await body(connection)
    } catch (cause) {
      throw (
        generalFailure(cause) ??
        new RuntimeFailure('STATE_IO', `cannot read the output ${file}`, { path: file }, { cause })
      )
    } finally {
      this.#running.delete(connection)
      connection.closeSync()
    }
  }
}

function variableStatements({ values, runTimestamp }: StepVariables): string {
  const texts = Object.entries(values).map(([name, value]) => `SET VARIABLE ${quoted(name)} = ${literal(value)}`)
  return [...texts, `SET VARIABLE run_timestamp = TIMESTAMPTZ ${literal(runTimestamp)}`].join('; ')
}

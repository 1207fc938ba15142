// Files of SQL run by psql with ON_ERROR_STOP: by the one on the PATH, or, where there is none, as it would (psql-script.ts).

import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { COPY_OPTIONS, extractedQuery, withValues } from '../../runtime/contract/extract.ts'
import type { TestDatabase } from './postgres.ts'
import { PsqlScript, TEXTS } from './psql-script.ts'
import { skip } from './skip.ts'

/** Its version, or null: it is not on the PATH. */
export const psqlVersion: string | null = (() => {
  const { status, stdout } = spawnSync('psql', ['--version'], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : null
})()

/** Ends the running test as skipped, in words, where there is no psql. */
export function needsPsql(): void {
  if (psqlVersion === null)
    skip('psql is not on the PATH: what it does is done by test/support/psql-script.ts in the other tests')
}

export interface ScriptOptions {
  /** The working directory; default: that of the tests. */
  readonly cwd?: string
  /** `-v name=value`. */
  readonly variables?: Readonly<Record<string, string>>
  /** Only where no psql does it: the connection is gone right after so many statements were sent. */
  readonly stopAt?: number
}

export interface ScriptEnd {
  readonly failed: boolean
  /** What the server said of the statement that failed, or all that psql printed. */
  readonly said: string
  /** Statements that were sent, where that is known. */
  readonly sent?: readonly string[]
}

/** Runs a file to its end or to its first error. */
export const runScript = (database: TestDatabase, file: string, options: ScriptOptions = {}): Promise<ScriptEnd> =>
  psqlVersion === null ? interpreted(database, file, options) : byPsql(database, file, options)

/** By the one on the PATH. `onStart`: its process. */
export async function byPsql(
  { host, port, database, user, password }: TestDatabase,
  file: string,
  { cwd = process.cwd(), variables = {} }: ScriptOptions,
  onStart: (pid: number) => void = () => {},
): Promise<ScriptEnd> {
  const given = Object.entries(variables).flatMap(([name, value]) => ['-v', `${name}=${value}`])
  const env = {
    ...process.env,
    PGHOST: host,
    PGPORT: String(port),
    PGDATABASE: database,
    PGUSER: user,
    PGPASSWORD: password,
  }
  const child = spawn('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', ...given, '-f', file], { cwd, env })
  const said: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => said.push(String(data)))
  if (child.pid !== undefined) onStart(child.pid)
  const code = await new Promise<number | null>((settle) => child.on('close', settle))
  return { failed: code !== 0, said: said.join('') }
}

/** What a file of a bundle that asks for rows prints: by psql, or as it would. */
export async function printed(
  database: TestDatabase,
  file: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<string> {
  if (psqlVersion !== null) {
    const { failed, said } = await byPsql(database, file, { variables })
    if (failed) throw new Error(said)
    return said
  }
  const asked = extractedQuery(readFileSync(file, 'utf8'))
  if (asked === null) throw new Error(`${file} asks for no rows`)
  const { client } = await connected(database)
  try {
    const sql = `COPY (${withValues(asked.query, variables)}) TO STDOUT ${COPY_OPTIONS[asked.options]}`
    return await text(client.query(copyTo(sql)))
  } finally {
    await client.end()
  }
}

/** A text of a script, as psql would. Throws the server's error. */
export async function psql(database: TestDatabase, script: string): Promise<void> {
  const { client, own } = await connected(database)
  try {
    await new PsqlScript(client, process.cwd(), own).run(script)
  } finally {
    await client.end()
  }
}

async function connected({ host, port, database, user, password }: TestDatabase) {
  const client = new pg.Client({ host, port, database, user, password, ssl: false, types: TEXTS })
  client.on('error', () => {})
  await client.connect()
  return { client, own: { HOST: host, PORT: String(port), DBNAME: database, USER: user } }
}

/** As psql would. */
export async function interpreted(
  database: TestDatabase,
  file: string,
  { cwd = process.cwd(), variables = {}, stopAt = 0 }: ScriptOptions = {},
): Promise<ScriptEnd> {
  const { client, own } = await connected(database)
  const script = new PsqlScript(client, cwd, { ...own, ...variables }, stopAt)
  try {
    await script.file(file)
    return { failed: false, said: '', sent: script.sent }
  } catch (error) {
    const { message, hint = '' } = error as pg.DatabaseError
    return { failed: true, said: `${message}\n${hint}`, sent: script.sent }
  } finally {
    await client.end()
  }
}

// The state of a project whose engine is a database, as commands share it with those on other machines: a ledger in that
// database, of which target/ is a copy. Whoever writes takes a lock there, and commits on the session that holds it.

import { hostname } from 'node:os'
import { fingerprintOf } from './contract/canonical-json.ts'
import { Bug, RuntimeFailure } from './contract/failures.ts'
import type { EnvironmentName } from './contract/ids.ts'
import { ENVIRONMENT_FILES, type LedgerReader, type LedgerView } from './contract/ledger.ts'
import type { PostgresqlConnection } from './engines/postgresql/connection.ts'
import { Ledger, type LedgerLock } from './engines/postgresql/ledger.ts'
import { readerOf } from './engines/postgresql/ledger-reader.ts'
import { placeOfConnection } from './execute/plan-targets.ts'
import { readIfThere } from './store/files.ts'
import { refreshCache } from './store/ledger-cache.ts'
import { environmentFolder, type Store } from './store/store.ts'

/** What executes, where its outputs are, and whose they are. */
export interface DatabaseEngine {
  readonly project: string
  readonly connection: string | null
  readonly schema: string | null
}

export interface SharedState {
  readonly ledger: Ledger
  readonly reader: LedgerReader
  readonly connection: PostgresqlConnection
  /** Production's schema of what transforms make. */
  readonly schema: string
  /** Makes target/ say what the ledger says. */
  refresh(): Promise<void>
  /** Throws STATE_LOCKED. */
  lock(name: string, options: { readonly command: string; readonly timeoutMs: number }): Promise<LedgerLock>
  /** Keeps what target/ says of an environment; within a commit. */
  saveEnvironment(environment: EnvironmentName, more?: EnvironmentRecord): Promise<void>
  close(): Promise<void>
}

export interface EnvironmentRecord {
  readonly views: readonly LedgerView[]
  /** What a promotion would make; null: nothing. */
  readonly promotion: object | null
}

/** Throws PROFILE_INVALID, CONNECTION_FAILED, BUNDLE_UNSUPPORTED. */
export async function openShared(
  store: Store,
  engine: DatabaseEngine,
  connectionNamed: (name: string) => PostgresqlConnection,
): Promise<SharedState> {
  const { project, schema } = engine
  if (engine.connection === null || schema === null) throw new Bug('the engine has no connection and schema')
  if (project === '')
    throw new RuntimeFailure('PROJECT_INVALID', 'The project has no name, by which its state is found.')
  const connection = connectionNamed(engine.connection)
  const ledger = await Ledger.open(connection, project)
  const database = placeOfConnection(connection)
  const reader = readerOf(ledger, database)
  const place = fingerprintOf({ ledger: database, project })
  return {
    ledger,
    reader,
    connection,
    schema,
    async refresh() {
      await ledger.heal()
      await refreshCache(store, place, reader)
    },
    async lock(name, { command, timeoutMs }) {
      await ledger.make()
      const holder = `'${command}' (process ${process.pid} on ${hostname()}, since ${new Date().toISOString()})`
      return ledger.lock(name, holder, timeoutMs)
    },
    saveEnvironment: (environment, more) => saveEnvironment(store, ledger, environment, more),
    close: () => ledger.close(),
  }
}

async function saveEnvironment(
  store: Store,
  ledger: Ledger,
  environment: EnvironmentName,
  more?: EnvironmentRecord,
): Promise<void> {
  const folder = environmentFolder(store, environment)
  const documents = Object.fromEntries(
    ENVIRONMENT_FILES.flatMap((file) => {
      const text = readIfThere(`${folder}/${file}`)
      return text === null ? [] : [[file, text] as const]
    }),
  )
  const changes = [`documents = excluded.documents`]
  if (more !== undefined)
    await ledger.ask('DELETE FROM seeknal.shown WHERE project = $1 AND environment = $2', [ledger.project, environment])
  if (more !== undefined) changes.push('views = excluded.views', 'promotion = excluded.promotion')
  await ledger.ask(
    `INSERT INTO seeknal.environments (project, name, documents, views, promotion) VALUES ($1, $2, $3::jsonb, $4::jsonb, $5::jsonb)
     ON CONFLICT (project, name) DO UPDATE SET ${changes.join(', ')}`,
    [
      ledger.project,
      environment,
      JSON.stringify(documents),
      JSON.stringify(more?.views ?? []),
      more?.promotion == null ? null : JSON.stringify(more.promotion),
    ],
  )
}

// The state of a project that is in a database, as commands share it with those on other machines: a ledger, of which target/
// is a copy. Whoever writes takes a lock there, and commits on the session that holds it. Outputs are tables of that database,
// or files, which each machine has for itself.

import { hostname } from 'node:os'
import { fingerprintOf } from './contract/canonical-json.ts'
import { RuntimeFailure } from './contract/failures.ts'
import type { EnvironmentName } from './contract/ids.ts'
import { ENVIRONMENT_FILES, type LedgerReader, type LedgerView } from './contract/ledger.ts'
import type { PostgresqlConnection } from './engines/postgresql/connection.ts'
import { Ledger, type LedgerLock } from './engines/postgresql/ledger.ts'
import { readerOf } from './engines/postgresql/ledger-reader.ts'
import { placeOfConnection } from './execute/plan-targets.ts'
import type { StatePlace } from './project-engine.ts'
import { readIfThere } from './store/files.ts'
import { type CacheFaults, fetchBundles, refreshCache } from './store/ledger-cache.ts'
import { environmentFolder, type Store } from './store/store.ts'
import { TARGETS_FILE } from './store/target-writes.ts'

export interface SharedState {
  readonly ledger: Ledger
  readonly reader: LedgerReader
  readonly connection: PostgresqlConnection
  /** Production's schema of what transforms make; '' where outputs are files. */
  readonly schema: string
  /** Outputs are files below target/. */
  readonly inFiles: boolean
  /** Makes target/ say what the ledger says. */
  refresh(faults?: CacheFaults): Promise<void>
  /** The bundles that made generations, which target/ does not need otherwise. */
  fetchBundles(): Promise<void>
  /** Throws STATE_LOCKED. */
  lock(name: string, options: { readonly command: string; readonly timeoutMs: number }): Promise<LedgerLock>
  /** Keeps the text of targets.json, of production or of an environment; outside of a commit. Absent: it is kept otherwise. */
  readonly noteTargets?: (environment: EnvironmentName | null, text: string) => Promise<void>
  /** While something is made in the store, nothing of it is removed. Throws STATE_LOCKED. */
  enterStore(): Promise<() => Promise<void>>
  /** For removing what nobody needs. Throws STATE_LOCKED while somebody makes something. */
  keepOthersOut(): Promise<() => Promise<void>>
  /** Notes that a run began, and how it ended. */
  begin(run: LedgerRun): Promise<void>
  end(runId: string, outcome: string): Promise<void>
  /** Keeps what target/ says of an environment; within a commit. */
  saveEnvironment(environment: EnvironmentName, more?: EnvironmentRecord): Promise<void>
  close(): Promise<void>
}

export interface EnvironmentRecord {
  readonly views: readonly LedgerView[]
  /** Texts that go before those in target/, by file; null: there is none. */
  readonly documents?: Readonly<Record<string, string | null>>
  /** What a promotion would make; null: nothing. */
  readonly promotion: object | null
}

/** Throws PROFILE_INVALID, CONNECTION_FAILED, BUNDLE_UNSUPPORTED. */
export async function openShared(
  store: Store,
  { project, connection: name, schema }: StatePlace,
  connectionNamed: (name: string) => PostgresqlConnection,
): Promise<SharedState> {
  if (project === '')
    throw new RuntimeFailure('PROJECT_INVALID', 'The project has no name, by which its state is found.')
  const connection = connectionNamed(name)
  const ledger = await Ledger.open(connection, project)
  // What it holds would count as nothing.
  if (ledger.isOlder) await ledger.make()
  const database = placeOfConnection(connection)
  const reader = readerOf(ledger, database)
  const inFiles = schema === null
  // Tables of the store are of all projects in the database; files are the project's own.
  const whose = inFiles ? project : null
  const place = fingerprintOf({ ledger: database, project })
  return {
    ledger,
    reader,
    connection,
    schema: schema ?? '',
    inFiles,
    async refresh(faults) {
      await ledger.heal()
      await refreshCache(store, { place, inFiles }, reader, faults)
    },
    fetchBundles: () => fetchBundles(store, reader),
    async lock(name, { command, timeoutMs }) {
      await ledger.make()
      const holder = `'${command}' (process ${process.pid} on ${hostname()}, since ${new Date().toISOString()})`
      return ledger.lock(name, holder, timeoutMs)
    },
    ...(inFiles
      ? {
          noteTargets: async (environment: EnvironmentName | null, text: string) => {
            await ledger.ask('SELECT seeknal.note_targets($1, $2, $3)', [project, environment, text])
          },
        }
      : {}),
    enterStore: () => ledger.enterStore(whose),
    keepOthersOut: () => ledger.keepOthersOut(whose),
    begin: (run) => begin(ledger, run),
    end: (runId, outcome) => end(ledger, runId, outcome),
    saveEnvironment: (environment, more) => saveEnvironment({ store, ledger, inFiles }, environment, more),
    close: () => ledger.close(),
  }
}

/** A run as the ledger notes it. */
export interface LedgerRun {
  readonly runId: string
  readonly environment: string | null
  /** Digest. */
  readonly bundle: string
  readonly command: string
}

async function begin(ledger: Ledger, { runId, environment, bundle, command }: LedgerRun): Promise<void> {
  await ledger.ask(
    `INSERT INTO seeknal.runs (project, run_id, environment, bundle, command, host, pid) VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (project, run_id) DO UPDATE SET started_at = now(), ended_at = NULL, outcome = NULL, bundle = excluded.bundle`,
    [ledger.project, runId, environment, bundle, command, hostname(), String(process.pid)],
  )
}

async function end(ledger: Ledger, runId: string, outcome: string): Promise<void> {
  const sql = 'UPDATE seeknal.runs SET ended_at = now(), outcome = $3 WHERE project = $1 AND run_id = $2'
  await ledger.ask(sql, [ledger.project, runId, outcome])
}

async function saveEnvironment(
  { store, ledger, inFiles }: { readonly store: Store; readonly ledger: Ledger; readonly inFiles: boolean },
  environment: EnvironmentName,
  more?: EnvironmentRecord,
): Promise<void> {
  const folder = environmentFolder(store, environment)
  const given = more?.documents ?? {}
  const files = inFiles ? [...ENVIRONMENT_FILES, TARGETS_FILE] : ENVIRONMENT_FILES
  const documents = Object.fromEntries(
    files.flatMap((file) => {
      const own = Object.hasOwn(given, file) ? given[file] : readIfThere(`${folder}/${file}`)
      return own == null ? [] : [[file, own] as const]
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

// `seeknal env delete <env>`: removes an environment, and first what it made in databases. Its snapshots go with `seeknal
// clean`, if nothing else has them.

import { join } from 'node:path'
import type { EnvironmentName } from '../contract/ids.ts'
import { type MadeInDatabases, madeInDatabases, type RemovedFrom, removeFromDatabases } from '../environment-targets.ts'
import { makeScratch, sweepScratch } from '../execute/scratch.ts'
import type { SharedState } from '../shared-state.ts'
import { acquireEnvironment, deleteEnvironment, environmentNotFound } from '../store/environments.ts'
import { kindAt } from '../store/files.ts'
import { environmentFolder, openStore, type Store } from '../store/store.ts'
import { confirmed } from './ask.ts'
import { command } from './command.ts'
import { environmentArgument } from './environment-argument.ts'
import { LOCK_TIMEOUT_ARG, lockTimeout } from './execution-args.ts'
import { connectionsOf, PROFILE_ARG, type Profile, resolveProfile } from './profile.ts'
import { outputsRoot } from './project-root.ts'
import { withSharedState } from './shared.ts'
import type { Terminal } from './terminal.ts'
import { oneLine } from './text.ts'

export const envDelete = command({
  about: `Removes an environment: its plan, outputs and state, and the tables and schemas that it made in databases. What it did
not make stays, and with it a schema that holds it. Production is not touched.`,
  examples: [
    ['seeknal env delete dev --yes', 'without asking'],
    ['seeknal env delete dev --keep-schemas', 'leave its tables where they are'],
  ],
  args: {
    env: { type: 'positional', description: 'The environment', required: true },
    yes: { type: 'boolean', alias: 'y', description: 'Do not ask' },
    'keep-schemas': { type: 'boolean', description: 'Leave its tables and schemas in databases' },
    ...PROFILE_ARG,
    ...LOCK_TIMEOUT_ARG,
  },
  completes: { env: 'environments' },
  async run(args, surroundings) {
    const { terminal } = surroundings
    const environment = environmentArgument(args.env)
    const root = outputsRoot(surroundings)
    return withSharedState({ root, environment, profile: args.profile }, surroundings, async (shared) => {
      const store = openStore(root)
      if (kindAt(environmentFolder(store, environment)) === 'absent') throw environmentNotFound(store, environment)
      const drops = args['keep-schemas'] !== true
      if (drops) sayMade(terminal, madeInDatabases(store, environment))
      if (!(await confirmed(`Delete environment '${environment}'?`, args.yes === true, surroundings))) {
        terminal.info('Nothing was changed.')
        return 0
      }
      const timeoutMs = lockTimeout(args['lock-timeout']).lockTimeoutMs ?? 0
      if (shared !== null && !shared.inFiles) {
        const request = { environment, keepSchemas: !drops, timeoutMs }
        return deleteShared(shared, request, terminal)
      }
      const profile = () => resolveProfile(args.profile, environment, root, surroundings)
      const removed = await deleteFiles(store, shared, { environment, drops, timeoutMs, profile })
      if (terminal.options.json) terminal.document({ deleted: environment, databases: removed })
      sayRemoved(terminal, removed)
      terminal.success(`Environment '${environment}' deleted.`)
      return 0
    })
  },
})

interface FilesRequest {
  readonly environment: EnvironmentName
  /** Also what it made in databases. */
  readonly drops: boolean
  readonly timeoutMs: number
  readonly profile: () => Profile | null
}

/** An environment whose outputs are files: first what it made in databases, then its state, and its folder. */
async function deleteFiles(
  store: Store,
  shared: SharedState | null,
  { environment, drops, timeoutMs, profile }: FilesRequest,
): Promise<readonly RemovedFrom[]> {
  const turn = { command: `seeknal env delete ${environment}`, timeoutMs }
  const lock = await acquireEnvironment(store, environment, turn)
  let there: { release(): Promise<void> } | undefined
  try {
    there = await shared?.lock(`environment-${environment}`, turn)
    await shared?.refresh()
    sweepScratch(store)
    const made = madeInDatabases(store, environment)
    const goes = drops && made.size > 0
    const removed = goes ? await removeFromDatabases(environment, made, connectionsOf(profile())) : []
    if (shared === null) removeFolder(store, environment)
    else {
      const { removeEnvironment } = await import('../execute/table-removal.ts')
      await removeEnvironment(shared, environment, true)
      await shared.refresh()
    }
    return removed
  } finally {
    await there?.release()
    lock.release()
  }
}

function removeFolder(store: Store, environment: EnvironmentName): void {
  const scratch = makeScratch(store, `delete-${environment}`)
  deleteEnvironment(store, environment, join(scratch.folder, 'environment'))
  scratch.remove()
}

async function deleteShared(
  shared: SharedState,
  request: { readonly environment: EnvironmentName; readonly keepSchemas: boolean; readonly timeoutMs: number },
  terminal: Terminal,
): Promise<number> {
  const { environment, keepSchemas, timeoutMs } = request
  const { removeEnvironment } = await import('../execute/table-removal.ts')
  const command = `seeknal env delete ${environment}`
  const lock = await shared.lock(`environment-${environment}`, { command, timeoutMs })
  try {
    const { views, tables, schemas, kept } = await removeEnvironment(shared, environment, keepSchemas)
    await shared.refresh()
    if (terminal.options.json) terminal.document({ deleted: environment, views, tables, schemas, kept })
    const gone = [...views, ...tables, ...schemas.map((schema) => `schema ${schema}`)].map(oneLine).join(', ')
    if (gone !== '') terminal.info(`Dropped in the database: ${gone}`)
    for (const schema of kept) terminal.warn(`The schema ${oneLine(schema)} stays: it holds things of others.`)
    terminal.success(`Environment '${environment}' deleted.`)
    return 0
  } finally {
    await lock.release()
  }
}

function sayMade(terminal: Terminal, made: MadeInDatabases): void {
  for (const [connection, { tables, schemas }] of made) {
    const names = tables.map(({ schema, table }) => `${schema}.${table}`)
    const what = [...names, ...schemas.map((schema) => `schema ${schema}`)].map(oneLine).join(', ')
    terminal.info(`Goes with it in the database of connection '${connection}': ${what}`)
  }
}

function sayRemoved(terminal: Terminal, removed: readonly RemovedFrom[]): void {
  for (const { connection, tables, schemas, kept } of removed) {
    const what = [...tables, ...schemas.map((schema) => `schema ${schema}`)].map(oneLine).join(', ')
    if (what !== '') terminal.info(`Dropped in the database of connection '${connection}': ${what}`)
    for (const { schema, holds } of kept)
      terminal.warn(`The schema ${oneLine(schema)} stays: it holds ${holds.map(oneLine).join(', ')}.`)
  }
}

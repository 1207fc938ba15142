// Which engine executed what target/ is a copy of, where no project is checked out: as the bundle says that made production, or
// else one that an environment was applied with. Only reads.

import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { BundleFile } from './contract/bundle.ts'
import { isDatabaseEngine } from './contract/engines.ts'
import { parseDocument } from './contract/schema.ts'
import type { ProjectEngine } from './project-engine.ts'
import { kindAt, readIfThere } from './store/files.ts'
import { inProject, pathIn, type Store, unlessDamaged } from './store/store.ts'

/** Null: no bundle says that it was a database. */
export function executedEngine(store: Store): ProjectEngine | null {
  const current = readIfThere(join(store.target, 'current', 'bundle.digest'))?.trim()
  const folder = pathIn(store, 'bundles')
  const kept = kindAt(folder) === 'folder' ? readdirSync(folder).sort() : []
  for (const digest of [...(current === undefined ? [] : [current]), ...kept]) {
    const contract = contractOf(store, join(folder, digest, 'bundle.json'))
    if (contract === null || !isDatabaseEngine(contract.engine.name)) continue
    const { connection = null, schema = null } = contract.engine
    return { name: 'postgresql', connection, schema, ledger: connection, project: contract.project.name }
  }
  return null
}

const contractOf = (store: Store, path: string): BundleFile | null =>
  unlessDamaged(
    () => {
      const text = readIfThere(path)
      return text === null ? null : parseDocument(BundleFile, text, inProject(store, path), 'STATE_INVALID')
    },
    () => null,
  )

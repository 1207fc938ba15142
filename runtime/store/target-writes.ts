// targets.json: what tables of other databases hold, by the step that writes them, and which schemas were made for them. One
// for production, one in each environment. It describes the world: no generation has one, and going back to an earlier
// generation makes the tables due. On disk before a table is touched and again after it. The caller holds the lock of
// production or of the environment. Reports STATE_INVALID, STATE_IO.

import { join } from 'node:path'
import { prettyJson } from '../contract/canonical-json.ts'
import type { EnvironmentName } from '../contract/ids.ts'
import type { ManifestNode } from '../contract/manifest.ts'
import { parseDocument } from '../contract/schema.ts'
import { type CreatedSchema, type TargetWrite, TargetWrites } from '../contract/state.ts'
import { readIfThere, writeAtomic } from './files.ts'
import { environmentFolder, folderIn, inProject, type Store } from './store.ts'

export const TARGETS_FILE = 'targets.json'

const targetsPath = (store: Store, environment: EnvironmentName | null): string =>
  join(environment === null ? store.target : environmentFolder(store, environment), TARGETS_FILE)

/** Null: nothing was ever written. */
export function readTargetWrites(store: Store, environment: EnvironmentName | null): TargetWrites | null {
  const path = targetsPath(store, environment)
  const text = readIfThere(path)
  if (text === null) return null
  const hints = ['Move it away: all targets are then written again.']
  return parseDocument(TargetWrites, text, inProject(store, path), 'STATE_INVALID', hints)
}

/** Keeps the text where other machines see it too. */
export type NoteTargets = (environment: EnvironmentName | null, text: string) => Promise<void>

/** What is recorded of one database side: looked up and changed in memory, each change on disk at once, and in the ledger. */
export class TargetRecord {
  readonly #store: Store
  readonly #environment: EnvironmentName | null
  readonly #note: NoteTargets | undefined
  #writes: TargetWrites
  /** Steps whose table is not there any more. */
  readonly #lost = new Set<string>()

  constructor(store: Store, environment: EnvironmentName | null, note?: NoteTargets) {
    this.#note = note
    this.#store = store
    this.#environment = environment
    this.#writes = readTargetWrites(store, environment) ?? { format: 'seeknal.targets/1', tables: {}, schemas: [] }
  }

  /** Of a step of a node, which may have had another name when it was written. */
  of(step: string, node: Pick<ManifestNode, 'id' | 'renamed_from'>): TargetWrite | undefined {
    const before = node.renamed_from === undefined ? [] : [node.renamed_from + step.slice(node.id.length)]
    return [step, ...before]
      .map((id) => (Object.hasOwn(this.#writes.tables, id) ? this.#writes.tables[id] : undefined))
      .find((write) => write !== undefined)
  }

  /** Until it is written again, the table of this step is known to hold nothing. */
  lose(step: string): void {
    this.#lost.add(step)
  }

  isLost(step: string): boolean {
    return this.#lost.has(step)
  }

  async set(step: string, write: TargetWrite): Promise<void> {
    this.#lost.delete(step)
    this.#writes = { ...this.#writes, tables: { ...this.#writes.tables, [step]: write } }
    await this.#save()
  }

  /** A schema that is about to be made. */
  async addSchema(created: CreatedSchema): Promise<void> {
    const same = (other: CreatedSchema): boolean =>
      other.connection === created.connection && other.place === created.place && other.schema === created.schema
    if (this.#writes.schemas.some(same)) return
    this.#writes = { ...this.#writes, schemas: [...this.#writes.schemas, created] }
    await this.#save()
  }

  async #save(): Promise<void> {
    const text = prettyJson(this.#writes)
    // First: what this machine alone knows is lost when target/ is refreshed.
    await this.#note?.(this.#environment, text)
    if (this.#environment !== null) folderIn(this.#store, 'environments', this.#environment)
    writeAtomic(targetsPath(this.#store, this.#environment), text)
  }
}

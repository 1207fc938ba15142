// Outputs of a project → a session over them.

import { basename, join } from 'node:path'
import { PROJECT_FILE } from '../cli/project-root.ts'
import type { EnvironmentName } from '../contract/ids.ts'
import { readIfThere } from '../store/files.ts'
import type { Store } from '../store/store.ts'
import type { OutputSource } from './outputs.ts'
import type { ReplState } from './state.ts'

/** How many rows a session shows at most, unless told otherwise. */
export const INTERACTIVE_LIMIT = 200

/** Opens a session over production's outputs, or an environment's. The caller closes `session`. */
export async function openReplState(
  store: Store,
  source: OutputSource,
  environment: EnvironmentName | null,
): Promise<ReplState> {
  const open = async (name: EnvironmentName | null) => {
    const tables = await source.tables(name)
    return { environment: name, tables, session: await source.open(tables) }
  }
  const opened = await open(environment)
  const state: ReplState = {
    ...opened,
    project: projectName(store.project),
    engine: await opened.session.version(),
    mode: 'table',
    limit: INTERACTIVE_LIMIT,
    async switchTo(name) {
      const next = await open(name)
      await this.session.close()
      Object.assign(this, next)
    },
  }
  return state
}

/** As seeknal_project.yml says; the folder's name where there is none. */
function projectName(root: string): string {
  const text = readIfThere(join(root, PROJECT_FILE)) ?? ''
  return /^name:[ \t]*["']?(.*?)["']?[ \t]*$/m.exec(text)?.[1] || basename(root)
}

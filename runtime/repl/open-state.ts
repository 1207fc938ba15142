// Outputs of a project → a session over them.

import { basename, join } from 'node:path'
import { PROJECT_FILE } from '../cli/project-root.ts'
import type { EnvironmentName } from '../contract/ids.ts'
import type { QuerySession } from '../engines/duckdb/query-session.ts'
import { readIfThere } from '../store/files.ts'
import type { Store } from '../store/store.ts'
import { outputs } from './outputs.ts'
import type { ReplState } from './state.ts'

/** How many rows a session shows at most, unless told otherwise. */
export const INTERACTIVE_LIMIT = 200

/** Opens a session over production's outputs, or an environment's. The caller closes `session`. */
export async function openReplState(
  store: Store,
  environment: EnvironmentName | null,
  scratchDirectory: string,
): Promise<ReplState> {
  const { QuerySession } = await import('../engines/duckdb/query-session.ts')
  const open = async (name: EnvironmentName | null) => {
    const tables = outputs(store, name)
    const session: QuerySession = await QuerySession.open({ tables, scratchDirectory })
    return { environment: name, tables, session }
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
      this.session.close()
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

// Runs a project's production, and tells of the points of a target at which a process can be gone.

import { opened } from '../../runtime/bundle/verify.ts'
import { executeBundle } from '../../runtime/execute.ts'
import { resolveProfile } from '../../runtime/profile.ts'
import { readProduction } from '../../runtime/store/generations.ts'
import { openStore } from '../../runtime/store/store.ts'
import { bundleOf } from './compile.ts'

export async function runTarget(project: string, faults: (point: string) => void): Promise<void> {
  const base = readProduction(openStore(project))?.manifest ?? null
  const bundle = opened(await bundleOf(project, { base }))
  const profile = resolveProfile({ explicit: undefined, environment: null, root: project, cwd: project, variables: {} })
  await executeBundle(bundle, {
    projectDir: project,
    compiled: true,
    connection: (name) => {
      if (profile === null) throw new Error('no profile')
      return profile.connection(name)
    },
    faults,
  })
}

// Runs a project's production, and ends itself with SIGKILL at a fault point of a target:
//   node target-run/main.cjs PROJECT POINT
// It is started often, and so like the commands: with the code that was kept of an earlier start.

import { opened } from '../../runtime/bundle/verify.ts'
import { executeBundle } from '../../runtime/execute.ts'
import { resolveProfile } from '../../runtime/profile.ts'
import { readProduction } from '../../runtime/store/generations.ts'
import { openStore } from '../../runtime/store/store.ts'
import { bundleOf } from '../support/compile.ts'

const [project = '', point = ''] = process.argv.slice(2)

async function main(): Promise<void> {
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
    faults: (passed) => {
      if (passed === point) process.kill(process.pid, 'SIGKILL')
    },
  })
}

void main()

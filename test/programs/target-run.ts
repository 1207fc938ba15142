// Runs a project's production, and ends itself with SIGKILL at a fault point of a target:
//   node dist-test/programs/target-run.js PROJECT POINT

import { runTarget } from '../support/run-target.ts'

const [project = '', point = ''] = process.argv.slice(2)

await runTarget(project, (passed) => {
  if (passed === point) process.kill(process.pid, 'SIGKILL')
})

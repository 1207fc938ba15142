// Does one operation of support/fault-cases.ts to a project and ends itself with SIGKILL at the n-th fault point:
//   node faulty-run/main.cjs PROJECT OPERATION N [COPIES]
// N = 0: to its end; prints the fault points that it passed, and with COPIES makes COPIES/N, a copy of the project at each.
// A failure of the world is printed as JSON, with exit code 1. It is started often, and so like the commands: with the
// code that was kept of an earlier start.

import { join } from 'node:path'
import { RuntimeFailure } from '../../runtime/contract/failures.ts'
import { copyTree } from '../support/copy-tree.ts'
import { type Operation, perform } from '../support/fault-cases.ts'

const [project = '', operation = 'first', at = '0', copies] = process.argv.slice(2)
const passed: string[] = []

async function main(): Promise<void> {
  try {
    await perform(operation as Operation, project, (point) => {
      passed.push(point)
      if (passed.length === Number(at)) process.kill(process.pid, 'SIGKILL')
      if (copies !== undefined) copyTree(project, join(copies, String(passed.length)))
    })
    process.stdout.write(JSON.stringify(passed))
  } catch (error) {
    if (!(error instanceof RuntimeFailure)) throw error
    process.stdout.write(JSON.stringify({ code: error.code, message: error.message, hints: error.hints }))
    process.exitCode = 1
  }
}

void main()

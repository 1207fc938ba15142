// Loaded before a command (`node --import`): counts what the command changes below PROJECT/target, before each change, and in the
// middle of it where it has one. KILL_AT=N ends the process with SIGKILL at the change N. KILL_COPIES=FOLDER goes on to the
// end and makes what SIGKILL would leave at each change that does not match KILL_PASSED: FOLDER/N is a copy of the project.
// KILL_LOG gets the list of the changes.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { copyTree } from '../support/copy-tree.ts'
import { watchChanges } from '../support/watched-changes.ts'

const { KILL_PROJECT: project = '', KILL_COPIES: copies, KILL_LOG: log = '' } = process.env
const [at, passed] = [Number(process.env.KILL_AT), new RegExp(process.env.KILL_PASSED ?? '^$')]
const changes: string[] = []

watchChanges(join(project, 'target'), (change, middle) => {
  changes.push(change)
  if (changes.length === at) {
    middle()
    process.kill(process.pid, 'SIGKILL')
  }
  if (copies === undefined || passed.test(change)) return
  const copy = join(copies, String(changes.length))
  copyTree(project, copy)
  middle(join(copy, 'target'))
})

process.on('exit', () => {
  if (log !== '') writeFileSync(log, JSON.stringify(changes))
})

// Loaded before a command (`node --import`): counts what the command changes below the folder KILL_BELOW, and ends the
// process with SIGKILL at the change number KILL_AT: before it, or in the middle of it where it has one. KILL_AT=0 counts
// to the end and writes the list of the changes to KILL_LOG.

import { writeFileSync } from 'node:fs'
import { watchChanges } from '../support/watched-changes.ts'

const at = Number(process.env.KILL_AT)
const changes: string[] = []

watchChanges(process.env.KILL_BELOW ?? '', (change, middle) => {
  changes.push(change)
  if (changes.length !== at) return
  middle()
  process.kill(process.pid, 'SIGKILL')
})

process.on('exit', () => {
  if (at === 0) writeFileSync(process.env.KILL_LOG ?? '', JSON.stringify(changes))
})

// Loaded before a command (`node --import`): ends it with SIGKILL right after the KILL_AT-th statement that changes something in a
// database is handed to the system.

import { Socket } from 'node:net'
import { SentStatements } from '../support/sent-statements.ts'

const at = Number(process.env.KILL_AT)
const statements = new SentStatements()
const sockets = new Map<Socket, number>()
let changes = 0
const write = Socket.prototype.write

Socket.prototype.write = function (this: Socket, ...args: Parameters<typeof write>): boolean {
  const result = write.apply(this, args)
  if (!sockets.has(this)) sockets.set(this, sockets.size)
  if (statements.add(sockets.get(this) ?? 0, Buffer.from(args[0]))?.isChange !== true) return result
  changes += 1
  // Messages that belong together are sent together, when the last is written.
  if (changes === at) process.nextTick(() => process.kill(process.pid, 'SIGKILL'))
  return result
} as typeof write

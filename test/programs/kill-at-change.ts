// Loaded before a command (`node --import`): notes the statements that it sends to a database, and right after the KILL_AT-th
// that changes something is handed to the system ends itself with SIGKILL, or the server KILL_SERVER at once (SIGQUIT).
// KILL_AT=0 goes on to the end and writes the statements to KILL_LOG.

import { writeFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { SentStatements, type Statement } from '../support/sent-statements.ts'

const at = Number(process.env.KILL_AT)
const server = process.env.KILL_SERVER
const statements = new SentStatements()
const sent: Statement[] = []
const sockets = new Map<Socket, number>()
let changes = 0
const write = Socket.prototype.write

Socket.prototype.write = function (this: Socket, ...args: Parameters<typeof write>): boolean {
  const result = write.apply(this, args)
  if (!sockets.has(this)) sockets.set(this, sockets.size)
  const statement = statements.add(sockets.get(this) ?? 0, Buffer.from(args[0]))
  if (statement === null) return result
  sent.push(statement)
  if (statement.isChange) changes += 1
  // Messages that belong together are sent together, when the last is written.
  if (statement.isChange && changes === at) process.nextTick(kill)
  return result
} as typeof write

function kill(): void {
  if (server === undefined) process.kill(process.pid, 'SIGKILL')
  else process.kill(Number(server), 'SIGQUIT')
}

process.on('exit', () => {
  if (at === 0) writeFileSync(process.env.KILL_LOG ?? '', JSON.stringify(sent))
})

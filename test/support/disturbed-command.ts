// A command inside the test's own process that is disturbed after a statement that it sends to a database: its server is killed,
// or it is cut off, which is for the server what a client is that is killed: connections end, and no other comes.

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { cli } from './cli.ts'
import { copyOf } from './prepared.ts'
import type { Ended } from './seeknal.ts'
import { SentStatements, type Statement } from './sent-statements.ts'

const { connect, write } = Socket.prototype

interface Watched {
  readonly ended: Ended
  readonly sent: readonly Statement[]
}

/** Runs the command; `disturb` is called when its `at`-th statement that changes something was handed to the system. */
export async function disturbed(
  folder: string,
  args: readonly string[],
  at: number,
  disturb: (sockets: Iterable<Socket>) => void,
): Promise<Watched> {
  const statements = new SentStatements()
  const sockets = new Map<Socket, number>()
  const sent: Statement[] = []
  let changes = 0
  Socket.prototype.write = function (this: Socket, ...given: Parameters<typeof write>): boolean {
    const result = write.apply(this, given)
    if (this.remotePort === undefined) return result
    const number = sockets.get(this) ?? sockets.size
    sockets.set(this, number)
    const statement = statements.add(number, Buffer.from(given[0]))
    if (statement === null) return result
    sent.push(statement)
    if (statement.isChange) changes += 1
    // Messages that belong together are sent together, when the last is written.
    if (statement.isChange && changes === at) process.nextTick(() => disturb(sockets.keys()))
    return result
  } as typeof write
  try {
    return { ended: await cli(folder, args), sent }
  } finally {
    Object.assign(Socket.prototype, { connect, write })
  }
}

/** Cuts the command off. A copy of the project as it was then, and nothing if the command ended before. */
export async function cutOff(folder: string, args: readonly string[], at: number): Promise<string | undefined> {
  let left: string | undefined
  await disturbed(folder, args, at, (sockets) => {
    left = copyOf(folder)
    Socket.prototype.connect = function (this: Socket): Socket {
      process.nextTick(() => this.destroy(new Error('cut off')))
      return this
    } as typeof connect
    for (const socket of sockets) socket.destroy()
  })
  if (left !== undefined) forgetHolder(join(left, 'target/locks'))
  return left
}

/** Locks that this process held are those of one that is gone. */
function forgetHolder(locks: string): void {
  const gone = spawnSync(process.execPath, ['--version']).pid
  for (const name of readdirSync(locks)) {
    const path = join(locks, name)
    writeFileSync(path, readFileSync(path, 'utf8').replace(`"pid":${process.pid},`, `"pid":${gone},`))
  }
}

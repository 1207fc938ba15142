// Work inside the test's own process that is disturbed in the middle: its server is killed, or it is cut off, which is for the
// server what a client is that is killed: connections end, and no other comes; and what is on the disk then is what is left.

import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { cli } from './cli.ts'
import { copyOf } from './prepared.ts'
import type { Ended } from './seeknal.ts'
import { SentStatements, type Statement } from './sent-statements.ts'
import { watchChanges } from './watched-changes.ts'

/** Does `work` and calls `onWrite` with each message to a server after it was handed to the system. */
async function watched<T>(work: () => Promise<T>, onWrite: (socket: Socket, message: Buffer) => void): Promise<T> {
  const { write } = Socket.prototype
  Socket.prototype.write = function (this: Socket, ...given: Parameters<typeof write>): boolean {
    const result = write.apply(this, given)
    if (this.remotePort !== undefined) onWrite(this, Buffer.from(given[0]))
    return result
  } as typeof write
  try {
    return await work()
  } finally {
    Object.assign(Socket.prototype, { write })
  }
}

interface Watched {
  readonly ended: Ended
  readonly sent: readonly Statement[]
}

/** Runs the command; `disturb` is called when its `at`-th statement that changes something was handed to the system. */
export async function disturbed(
  folder: string,
  args: readonly string[],
  at: number,
  disturb: () => void,
): Promise<Watched> {
  const [statements, sockets, sent] = [new SentStatements(), new Map<Socket, number>(), [] as Statement[]]
  let changes = 0
  const ended = await watched(
    () => cli(folder, args),
    (socket, message) => {
      const number = sockets.get(socket) ?? sockets.size
      sockets.set(socket, number)
      const statement = statements.add(number, message)
      if (statement === null) return
      sent.push(statement)
      if (statement.isChange) changes += 1
      // Messages that belong together are sent together, when the last is written.
      if (statement.isChange && changes === at) process.nextTick(disturb)
    },
  )
  return { ended, sent }
}

/** Cuts the command off there. A copy of the project as it was then, and nothing if the command ended before. */
export const cutOff = (folder: string, args: readonly string[], at: number): Promise<string | undefined> =>
  cutOffIn(folder, (cut) => disturbed(folder, args, at, cut))

/** Cuts the command off at its `at`-th change below target/, in the middle of it where it has one. */
export const cutOffAtChange = (folder: string, args: readonly string[], at: number): Promise<string | undefined> =>
  cutOffIn(folder, async (cut) => {
    let changes = 0
    const end = watchChanges(join(folder, 'target'), (_, middle) => {
      changes += 1
      if (changes === at) middle(join(cut(), 'target'))
    })
    try {
      await cli(folder, args)
    } finally {
      end()
    }
  })

/** The same for any work in a project, which is cut off when it calls `cut`: that gives the copy. */
export async function cutOffIn(
  folder: string,
  work: (cut: () => string) => Promise<unknown>,
): Promise<string | undefined> {
  const sockets = new Set<Socket>()
  let left: string | undefined
  const cut = (): string => {
    const copy = copyOf(folder)
    left = copy
    for (const socket of sockets) socket.destroy()
    return copy
  }
  const { connect } = Socket.prototype
  Socket.prototype.connect = function (this: Socket, ...given: Parameters<typeof connect>): Socket {
    sockets.add(this)
    if (left === undefined) return connect.apply(this, given)
    process.nextTick(() => this.destroy(new Error('cut off')))
    return this
  } as typeof connect
  try {
    await work(cut)
  } catch (error) {
    if (left === undefined) throw error
  } finally {
    Object.assign(Socket.prototype, { connect })
  }
  if (left !== undefined) forgetHolder(join(left, 'target'))
  return left
}

/** Locks and temporary folders that this process held are those of one that is gone. */
function forgetHolder(target: string): void {
  const gone = spawnSync('true').pid
  const namesIn = (folder: string) => (existsSync(join(target, folder)) ? readdirSync(join(target, folder)) : [])
  const owners = [
    ...namesIn('locks').map((name) => join(target, 'locks', name)),
    ...namesIn('tmp').map((name) => join(target, 'tmp', name, 'owner.json')),
  ].filter((path) => existsSync(path))
  for (const path of owners)
    writeFileSync(path, readFileSync(path, 'utf8').replace(`"pid":${process.pid},`, `"pid":${gone},`))
}

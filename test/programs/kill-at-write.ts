// Loaded before a command (`node --import`): counts what the command sends over sockets, and ends the process with SIGKILL right
// after the message number KILL_AT is handed to the system. KILL_AT=0 counts to the end and writes the number to KILL_LOG.

import { writeFileSync } from 'node:fs'
import { Socket } from 'node:net'

const at = Number(process.env.KILL_AT)
let sent = 0
const write = Socket.prototype.write

Socket.prototype.write = function (this: Socket, ...args: Parameters<typeof write>): boolean {
  const result = write.apply(this, args)
  if (this.remotePort !== undefined || this.connecting) {
    sent += 1
    if (sent === at) process.kill(process.pid, 'SIGKILL')
  }
  return result
} as typeof write

process.on('exit', () => {
  if (at === 0) writeFileSync(process.env.KILL_LOG ?? '', String(sent))
})

// Who a process is, so that a lock can tell a holder that is gone from one that is not: pid, its start time, machine.
// Linux answers from /proc; elsewhere `ps` does.

import { readFileSync, readlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import { hostname } from 'node:os'

export interface ProcessIdentity {
  readonly pid: number
  /** Text that differs for another process with the same pid; null: not known. */
  readonly start: string | null
  readonly host: string
  /** The running system: a reboot ends every process. Null: not known. */
  readonly boot: string | null
  /** Processes of another space (a container) cannot be seen from here. Null: not known. */
  readonly space: string | null
}

const read = <T>(body: () => T): T | null => {
  try {
    return body()
  } catch {
    return null
  }
}

const machine = (): string =>
  [hostname(), read(() => readFileSync('/etc/machine-id', 'utf8').trim())].filter(Boolean).join(' ')

export function thisProcess(): ProcessIdentity {
  return {
    pid: process.pid,
    start: startOf(process.pid),
    host: machine(),
    boot: read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    space: read(() => readlinkSync('/proc/self/ns/pid')),
  }
}

/** Field 22 of /proc/<pid>/stat, after the command's name in parentheses; `ps -o lstart` where there is no /proc. */
function startOf(pid: number): string | null {
  const stat = read(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  if (stat !== null) return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
  return read(() => startByPs(pid))
}

function startByPs(pid: number): string | null {
  // It takes milliseconds to load, and every command would.
  const { execFileSync }: typeof import('node:child_process') = createRequire(import.meta.url)('node:child_process')
  const args = ['-o', 'lstart=', '-p', String(pid)]
  return execFileSync('ps', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() || null
}

/** True only when it is proven that the process has ended. */
export function isGone(other: ProcessIdentity): boolean {
  const self = thisProcess()
  if (other.host !== self.host) return false
  if (other.boot !== null && self.boot !== null && other.boot !== self.boot) return true
  if (other.space !== self.space) return false
  if (!isAlive(other.pid)) return true
  const start = startOf(other.pid)
  return other.start !== null && start !== null && start !== other.start
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

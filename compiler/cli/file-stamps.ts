// A file's stamp: while it stays the same, so does the content. A file that changed less than a tick of the file
// system's clock ago could change again without a new stamp, so it gets none and is read again.

import type { BigIntStats } from 'node:fs'
import { statIfThere } from '../../runtime/store/files.ts'

/** Coarsest clock of a file system whose times have fractions of a second. */
const TICK_NS = 50_000_000n
/** File systems that keep whole seconds (or two). */
const COARSE_TICK_NS = 2_000_000_000n

/** Null: no file, or too young to be trusted. `nowNs` is the time before the file is read. */
export function stampOf(path: string, nowNs: bigint = BigInt(Date.now()) * 1_000_000n): string | null {
  const stats = statIfThere(path)
  return stats === undefined || !stats.isFile() ? null : stamp(stats, nowNs)
}

/** Pure. */
export function stamp(stats: BigIntStats, nowNs: bigint): string | null {
  const tick = stats.ctimeNs % 1_000_000_000n === 0n ? COARSE_TICK_NS : TICK_NS
  if (stats.ctimeNs + tick > nowNs || stats.mtimeNs + tick > nowNs) return null
  return `${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}:${stats.ino}`
}

/** The same for a file that is written once and never changed: no age makes it untrustworthy. */
export function identityOf(path: string): string | null {
  const stats = statIfThere(path)
  return stats === undefined ? null : `${stats.size}:${stats.mtimeNs}:${stats.ino}`
}

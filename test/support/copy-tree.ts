// A folder → a copy of it as it is at this moment: what is one file under several names is one again, links stay links, and
// times stay what they were.

import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import { join } from 'node:path'

/** As they are when this is loaded: who watches what a program changes copies meanwhile. */
const { chmodSync, copyFileSync, linkSync, lstatSync, mkdirSync, readdirSync, readlinkSync, symlinkSync, utimesSync } =
  fs

export function copyTree(from: string, to: string, copied: Map<number, string> = new Map()): void {
  const { atime, mode, mtime } = lstatSync(from)
  mkdirSync(to)
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [path, copy] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) copyTree(path, copy, copied)
    else if (entry.isFIFO()) execFileSync('mkfifo', [copy])
    else if (entry.isSymbolicLink()) symlinkSync(readlinkSync(path), copy)
    else {
      const { ino, atime, mtime } = lstatSync(path)
      const known = copied.get(ino)
      if (known !== undefined) linkSync(known, copy)
      else {
        copyFileSync(path, copy)
        utimesSync(copy, atime, mtime)
        copied.set(ino, copy)
      }
    }
  }
  chmodSync(to, mode)
  utimesSync(to, atime, mtime)
}

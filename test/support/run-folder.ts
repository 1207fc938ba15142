// The folder of a test run, in which all is that its processes write outside of the repository. It is gone when the run ends.
// A run that was killed leaves it; the next run takes it away, when the process that made it, which is named in it, is gone
// for certain.

import { chmodSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isGone, type ProcessIdentity, thisProcess } from '../../runtime/store/process.ts'

const OWNER = 'owner'

/** Makes it below `root`. PostgreSQL, which runs as another user when the tests run as root, may go through it. */
export function newRunFolder(root: string): string {
  const folder = mkdtempSync(join(root, 'seeknal-'))
  chmodSync(folder, 0o711)
  writeFileSync(join(folder, OWNER), JSON.stringify(thisProcess()))
  return folder
}

/** Takes away what runs have left that are no more. */
export function removeLeftFolders(root: string): void {
  for (const name of readdirSync(root).filter((entry) => /^seeknal-\w{6}$/.test(entry))) {
    const folder = join(root, name)
    try {
      if (isOurs(folder) && isGone(ownerOf(folder))) rmSync(folder, { recursive: true, maxRetries: 10 })
    } catch {
      // It names nobody, or another run is taking it away.
    }
  }
}

function isOurs(folder: string): boolean {
  const found = lstatSync(folder)
  return found.isDirectory() && found.uid === process.getuid?.()
}

/** Written above. */
const ownerOf = (folder: string): ProcessIdentity => JSON.parse(readFileSync(join(folder, OWNER), 'utf8'))

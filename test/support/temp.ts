// Temporary folders and projects of tests: unique, in os.tmpdir(), removed when the test file ends, or its process.

import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEachFile } from './after-file.ts'

const made: string[] = []
const lasting: string[] = []

const removeMade = (): void => {
  for (const folder of made.splice(0)) removeFolder(folder)
}
afterEachFile(removeMade)
process.on('exit', () => {
  removeMade()
  for (const folder of lasting) removeFolder(folder)
})

/** An empty folder with an absolute path. */
export const tempFolder = (name = 'test'): string => newFolder(name, made)

/** The same for what the next file of the process uses, too. */
export const lastingFolder = (name: string): string => newFolder(name, lasting)

function newFolder(name: string, list: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), `seeknal-${name}-`))
  list.push(folder)
  return folder
}

/** A folder that holds `files` (path → text). */
export function tempProject(files: Readonly<Record<string, string>>, name = 'project'): string {
  const folder = tempFolder(name)
  writeFiles(folder, files)
  return folder
}

/** Writes path → text below `folder`, with the folders that are missing. */
export function writeFiles(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
}

/** Also removes folders that a test made read-only. */
export function removeFolder(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true })
  } catch {
    makeWritable(folder)
    rmSync(folder, { recursive: true, force: true })
  }
}

function makeWritable(folder: string): void {
  chmodSync(folder, 0o700)
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (lstatSync(path).isDirectory()) makeWritable(path)
  }
}

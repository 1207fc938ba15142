// Whether CSV files are written without quotes. DuckDB tries every pair of quoting and escaping characters on each file, which
// is six sevenths of the time that it takes to find out how the file is written; where no such character is in the whole
// file, what it finds is known beforehand.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { totalBytes } from '../../runtime/store/files.ts'

/** Reading more than this takes longer than it saves. */
const MOST_BYTES = 4_000_000
/** Options that change nothing of how a value is quoted. */
const HARMLESS = ['delim', 'delimiter', 'header', 'sep']
/** All that DuckDB tries. */
const QUOTES_AND_ESCAPES = ['"', "'", '\\']

/** What DuckDB finds of files without any of them. */
export const NO_QUOTES: Readonly<Record<string, string>> = { quote: '', escape: '' }

/** Whether the files below `root` are read with NO_QUOTES as they are without. False where it would take long to tell. */
export function isWithoutQuotes(
  root: string,
  files: readonly string[],
  options: Readonly<Record<string, unknown>>,
): boolean {
  if (!Object.keys(options).every((name) => HARMLESS.includes(name))) return false
  // Another ending may say that the file is compressed.
  if (!files.every((file) => file.endsWith('.csv'))) return false
  const paths = files.map((file) => join(root, file))
  return totalBytes(paths) <= MOST_BYTES && paths.every(hasNoQuotes)
}

function hasNoQuotes(path: string): boolean {
  try {
    const bytes = readFileSync(path)
    return !QUOTES_AND_ESCAPES.some((character) => bytes.includes(character))
  } catch {
    // Whoever reads it says what is wrong.
    return false
  }
}

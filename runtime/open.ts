// A path → the bundle that is there, verified: a directory or a .tar.gz. Nothing is executed before this has passed.
// Reports BUNDLE_NOT_FOUND, BUNDLE_INVALID, BUNDLE_DIGEST_MISMATCH, BUNDLE_UNSUPPORTED.

import { readDirectory } from './bundle/directory.ts'
import { type KnownManifest, type OpenedBundle, unreadable, verify } from './bundle/verify.ts'
import type { BundleFile } from './contract/bundle.ts'
import { RuntimeFailure } from './contract/failures.ts'
import { statIfThere } from './store/files.ts'

export type { OpenedBundle }

/** Opens and verifies the bundle at `path`, which may be relative to the working directory. A `known` base is not parsed again. */
export async function open(path: string, known?: KnownManifest | null): Promise<OpenedBundle> {
  const present = statIfThere(path)
  if (present === undefined)
    throw new RuntimeFailure(
      'BUNDLE_NOT_FOUND',
      `there is no bundle at ${path}`,
      { path },
      { hints: ["Write one with 'seeknal compile --out DIR'."] },
    )
  if (present.isDirectory()) return verify(readDirectory(path), path, known)
  if (!present.isFile()) throw unreadable(path, 'it is neither a folder nor a file')
  const { readArchive } = await import('./bundle/archive.ts')
  return verify(await readArchive(path, path), path, known)
}

/**
 * Refuses an engine that the bundle was not compiled for. `version` is the engine's own, such as `duckdb v1.5.6`.
 * Throws RuntimeFailure BUNDLE_UNSUPPORTED.
 */
export function checkEngine(contract: BundleFile, version: string): void {
  const { name, from, before } = contract.engine
  const [found = '', number = ''] = version.split(' ')
  const at = numbers(number)
  if (found === name && order(at, numbers(from)) >= 0 && order(at, numbers(before)) < 0) return
  throw new RuntimeFailure(
    'BUNDLE_UNSUPPORTED',
    `the bundle is for ${name} from ${from} and before ${before}, this is ${version}`,
    { engine: name, from, before, found: version },
    { hints: ['Compile the project again with this version of seeknal.'] },
  )
}

const numbers = (version: string): number[] =>
  [...version.matchAll(/\d+/g)].slice(0, 3).map(([digits]) => Number(digits))

function order(a: readonly number[], b: readonly number[]): number {
  for (let i = 0; i < 3; i++) if ((a[i] ?? 0) !== (b[i] ?? 0)) return (a[i] ?? 0) - (b[i] ?? 0)
  return 0
}

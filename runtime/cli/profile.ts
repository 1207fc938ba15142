// Which connections file a command uses, by the first that is there: --profile; profiles-<env>.yml in the project;
// ~/.seeknal/profiles-<env>.yml; profiles.yml in the project; ~/.seeknal/profiles.yml. Only its digest is kept.
// Reports PROFILE_NOT_FOUND.

import { homedir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { sha256 } from '../contract/canonical-json.ts'
import { RuntimeFailure } from '../contract/failures.ts'
import type { EnvironmentName, Fingerprint } from '../contract/ids.ts'
import { readIfThere } from '../store/files.ts'
import type { Surroundings } from './command.ts'

export const PROFILE_ARG = {
  profile: {
    type: 'string',
    description: 'Connections file (default: profiles-<env>.yml, then profiles.yml)',
    valueHint: 'file',
  },
} as const

export interface Profile {
  /** Relative to the project, or below `~`. */
  readonly shown: string
  /** SHA-256 of the file as it is written, references to secrets unresolved. */
  readonly fingerprint: Fingerprint
}

/** Null: there is none, and none was asked for. */
export function resolveProfile(
  explicit: string | undefined,
  environment: EnvironmentName | null,
  root: string,
  surroundings: Surroundings,
): Profile | null {
  const home = surroundings.environment.HOME ?? homedir()
  if (explicit !== undefined) {
    const found = profileAt(resolve(surroundings.cwd, explicit), root, home)
    if (found !== null) return found
    throw new RuntimeFailure(
      'PROFILE_NOT_FOUND',
      `There is no profile '${explicit}'.`,
      { path: explicit },
      { hints: ["'--profile' names a file, such as profiles-dev.yml."] },
    )
  }
  const names = environment === null ? ['profiles.yml'] : [`profiles-${environment}.yml`, 'profiles.yml']
  for (const name of names)
    for (const folder of [root, join(home, '.seeknal')]) {
      const found = profileAt(join(folder, name), root, home)
      if (found !== null) return found
    }
  return null
}

function profileAt(path: string, root: string, home: string): Profile | null {
  const text = readIfThere(path)
  if (text === null) return null
  const inProject = relative(root, path)
  const inHome = relative(home, path)
  const shown = !inProject.startsWith('..') ? inProject : !inHome.startsWith('..') ? `~/${inHome}` : path
  return { shown, fingerprint: sha256(text) }
}

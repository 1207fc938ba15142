// Which profile a command uses, by the first that is there: --profile; profiles-<env>.yml in the project;
// ~/.seeknal/profiles-<env>.yml; profiles.yml in the project; ~/.seeknal/profiles.yml. Reports PROFILE_NOT_FOUND.

import { join, relative, resolve } from 'node:path'
import { RuntimeFailure } from '../contract/failures.ts'
import type { EnvironmentName } from '../contract/ids.ts'
import { kindAt } from '../store/files.ts'

export interface Located {
  /** Absolute. */
  readonly path: string
  /** Relative to the project, or below `~`. */
  readonly shown: string
  /** Why it is this one, in words. */
  readonly why: string
}

export interface Search {
  readonly explicit: string | undefined
  readonly environment: EnvironmentName | null
  /** The project's folder. */
  readonly root: string
  readonly home: string
  readonly cwd: string
}

/** Null: there is none, and none was asked for. */
export function locateProfile({ explicit, environment, root, home, cwd }: Search): Located | null {
  const found = (path: string, why: string): Located | null =>
    kindAt(path) === 'absent' ? null : { path, shown: shownPath(path, root, home), why }
  if (explicit !== undefined) {
    const located = found(resolve(cwd, explicit), 'named with --profile')
    if (located !== null) return located
    throw new RuntimeFailure(
      'PROFILE_NOT_FOUND',
      `There is no profile '${explicit}'.`,
      { path: explicit },
      { hints: ["'--profile' names a file, such as profiles-dev.yml."] },
    )
  }
  const names = environment === null ? ['profiles.yml'] : [`profiles-${environment}.yml`, 'profiles.yml']
  for (const name of names) {
    const whose = name === 'profiles.yml' ? '' : `for environment '${environment}', `
    const located =
      found(join(root, name), `${whose}in the project`) ??
      found(join(home, '.seeknal', name), `${whose}in the home folder`)
    if (located !== null) return located
  }
  return null
}

function shownPath(path: string, root: string, home: string): string {
  const [inProject, inHome] = [relative(root, path), relative(home, path)]
  if (!inProject.startsWith('..')) return inProject
  return inHome.startsWith('..') ? path : `~/${inHome}`
}

// `seeknal connection test` and `seeknal profile show` where the project can be read: with the connections of its sources
// that say themselves where their server is.

import { join } from 'node:path'
import type { Surroundings } from '../../runtime/cli/command.ts'
import { connectionTestWith } from '../../runtime/cli/connection-test.ts'
import { connectionsOf, type Profile } from '../../runtime/cli/profile.ts'
import { profileShowWith } from '../../runtime/cli/profile-show.ts'
import { executionRoot, PROJECT_FILE } from '../../runtime/cli/project-root.ts'
import { statIfThere } from '../../runtime/store/files.ts'
import { noCache } from '../ports.ts'
import { type Databases, databasesOf } from './databases.ts'
import { readProject } from './project.ts'
import { analysisEngine } from './workspace.ts'

/** Null: here is no project, only a profile. */
function databases(profile: Profile | null, surroundings: Surroundings): Databases | null {
  const root = executionRoot(surroundings)
  if (statIfThere(join(root, PROJECT_FILE)) === null) return null
  const files = readProject(root, noCache)
  const found = databasesOf({ root, files: () => files, cache: noCache, engine: analysisEngine }, surroundings)
  found.use(profile)
  return found
}

export const connectionTest = connectionTestWith(async (profile, environment, surroundings) => {
  const project = databases(profile, surroundings)
  return project === null ? connectionsOf(profile) : project.connection(environment)
})

export const profileShow = profileShowWith(
  async (profile, surroundings) => (await databases(profile, surroundings)?.own(null)) ?? [],
)

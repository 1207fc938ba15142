// `seeknal env list` where the project can be read: a plan is stale, too, when the project's files changed since.

import { envListWith, type ProjectDigest } from '../../runtime/cli/env-list.ts'
import { PROJECT_FILE } from '../../runtime/cli/project-root.ts'
import { RuntimeFailure } from '../../runtime/contract/failures.ts'
import { noCache } from '../ports.ts'
import { projectDigest, readProject } from './project.ts'

/** A project that cannot be read is for other commands to report. */
const digestNow: ProjectDigest = (root) => {
  try {
    const files = readProject(root, noCache)
    return files.some(({ path }) => path === PROJECT_FILE) ? projectDigest(root, files) : null
  } catch (error) {
    if (error instanceof RuntimeFailure) return null
    throw error
  }
}

export const envList = envListWith(digestNow)

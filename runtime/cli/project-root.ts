// Which project a command is about: --project-path, else the nearest folder at or above the working directory that has
// a seeknal_project.yml. Reports PROJECT_NOT_FOUND.

import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { RuntimeFailure } from '../contract/failures.ts'
import { statIfThere } from '../store/files.ts'
import type { Surroundings } from './command.ts'

export const PROJECT_FILE = 'seeknal_project.yml'

/** Absolute path of the project's folder. */
export function projectRoot({ cwd, projectPath }: Surroundings): string {
  if (projectPath !== null) {
    const folder = resolve(cwd, projectPath)
    if (existsSync(join(folder, PROJECT_FILE))) return folder
    throw notFound(`There is no ${PROJECT_FILE} in '${projectPath}'.`, folder)
  }
  const found = nearestProject(cwd)
  if (found !== null) return found
  throw notFound(`There is no ${PROJECT_FILE} here or in a folder above.`, cwd)
}

/** The same, but a folder without a project file will do: a bundle runs where no project is checked out. */
export function executionRoot({ cwd, projectPath }: Surroundings): string {
  if (projectPath === null) return nearestProject(cwd) ?? cwd
  const folder = resolve(cwd, projectPath)
  if (statIfThere(folder)?.isDirectory() === true) return folder
  throw new RuntimeFailure('PROJECT_NOT_FOUND', `There is no folder '${projectPath}'.`, { path: folder })
}

function nearestProject(from: string): string | null {
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, PROJECT_FILE))) return folder
    if (dirname(folder) === folder) return null
  }
}

function notFound(message: string, path: string): RuntimeFailure {
  const hints = ['Start one with `seeknal init`, or name its folder with --project-path.']
  return new RuntimeFailure('PROJECT_NOT_FOUND', message, { path }, { hints })
}

// Which project a command is about: --project-path, else the nearest folder at or above the working directory that has
// a seeknal_project.yml; where a bundle was executed without a project, its target/ does. Reports PROJECT_NOT_FOUND.

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
    if (hasProject(folder)) return folder
    throw notFound(`There is no ${PROJECT_FILE} in '${projectPath}'.`, folder)
  }
  const found = nearest(cwd, hasProject)
  if (found !== null) return found
  throw notFound(`There is no ${PROJECT_FILE} here or in a folder above.`, cwd)
}

/** The same, for a command that needs outputs only: a folder where a bundle was executed will do, too. */
export function outputsRoot(surroundings: Surroundings): string {
  const { cwd, projectPath } = surroundings
  if (projectPath !== null) {
    const folder = resolve(cwd, projectPath)
    return hasOutputs(folder) ? folder : projectRoot(surroundings)
  }
  return nearest(cwd, hasProject) ?? nearest(cwd, hasOutputs) ?? projectRoot(surroundings)
}

const hasProject = (folder: string): boolean => existsSync(join(folder, PROJECT_FILE))
/** Of ours: other tools have a target/, too. */
const hasOutputs = (folder: string): boolean =>
  existsSync(join(folder, 'target/generations')) || existsSync(join(folder, 'target/environments'))

/** The same, but a folder without a project file will do: a bundle runs where no project is checked out. */
export function executionRoot({ cwd, projectPath }: Surroundings): string {
  if (projectPath === null) return nearest(cwd, hasProject) ?? cwd
  const folder = resolve(cwd, projectPath)
  if (statIfThere(folder)?.isDirectory() === true) return folder
  throw new RuntimeFailure('PROJECT_NOT_FOUND', `There is no folder '${projectPath}'.`, { path: folder })
}

function nearest(from: string, fits: (folder: string) => boolean): string | null {
  for (let folder = from; ; folder = dirname(folder)) {
    if (fits(folder)) return folder
    if (dirname(folder) === folder) return null
  }
}

function notFound(message: string, path: string): RuntimeFailure {
  const hints = ['Start one with `seeknal init`, or name its folder with --project-path.']
  return new RuntimeFailure('PROJECT_NOT_FOUND', message, { path }, { hints })
}

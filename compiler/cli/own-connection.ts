// The fields by which a source says itself where its server is → their values, read from its file when they are needed:
// placeholders, {{ env.NAME }} and ${NAME} put in. They go to the driver and nowhere else. Reports PROFILE_INVALID.

import { type Field, isSecretName, type OwnConnection } from '../../runtime/profile/fields.ts'
import { mistake, type Position } from '../../runtime/profile/file.ts'
import type { Variable, Variables } from '../../runtime/profile/variables.ts'
import { documentAsWritten, isMapping, type Json, type LoadedDocument, load, type ProjectFile } from '../load.ts'
import type { CompileCache } from '../ports.ts'
import { Scope } from '../resolve/scope.ts'
import { CONNECTION_FIELDS } from '../schema/source.ts'
import { parsePlaceholder, runParameter } from '../sql/parameters.ts'
import { placeOf, writtenText } from '../validate/read-schema.ts'
import { validate } from '../validate.ts'

export interface OwnFields {
  readonly files: readonly ProjectFile[]
  readonly params: { readonly [key: string]: Json }
  readonly cache: CompileCache
  readonly values: Variables
  /** Of `source_defaults:`. */
  readonly defaultConnection: string | null
}

const REFERENCE = /\{\{[^{}]*\}\}|\$\{[^{}]*\}/g

/** Null: no source of these files has a connection of this name of its own. */
export const ownFieldsOf = (name: string, request: OwnFields): OwnConnection | null =>
  ownConnections(request, (id) => id === name)[0] ?? null

/** Of all sources that have one and are wanted. */
export function ownConnections(request: OwnFields, isWanted: (id: string) => boolean): readonly OwnConnection[] {
  const validated = validate(load(request.files, request.cache))
  return validated.nodes.flatMap((node) => {
    if (!isWanted(node.id) || node.kind !== 'source' || node.format !== 'postgresql' || !node.ownConnection) return []
    const file = request.files.find(({ path }) => path === node.file)
    const document = file === undefined ? undefined : documentAsWritten(file, node.document.index)
    if (document === undefined) return []
    const scope = new Scope(validated, request.params, node)
    const over = node.connection === null ? request.defaultConnection : scope.expand(node.connection.text).text
    const { params } = document.value
    const written = Object.entries(isMapping(params) ? params : {}).filter(
      ([key, value]) => Object.hasOwn(CONNECTION_FIELDS, key) && value !== null,
    )
    const fields = written.map(([key, value]) => [key, fieldOf(key, value, document, scope, request.values)] as const)
    return [{ name: node.id, over, file: node.file, at: node.place, fields: new Map(fields) }]
  })
}

function fieldOf(key: string, value: Json, document: LoadedDocument, scope: Scope, values: Variables): Field {
  const { file } = document
  const at = placeOf(document, `/params/${key}`)
  const { text: known, problems } = scope.expand(writtenText(document, value, `/params/${key}`))
  const [problem] = problems
  if (problem !== undefined)
    throw mistake(file, at, isSecretName(key) ? `A placeholder of '${key}' is wrong.` : problem.message, problem.hints)
  const variables: Variable[] = []
  const text = known.replaceAll(REFERENCE, (reference) => {
    const expanded = reference.startsWith('$') ? values.expand(reference) : ofRun(reference, key, { file, at }, values)
    variables.push(...expanded.variables)
    return expanded.text
  })
  return { value: text, at, variables, file }
}

/** Of what only a run knows, a variable of the environment alone says where a server is. */
function ofRun(
  reference: string,
  key: string,
  { file, at }: { readonly file: string; readonly at: Position },
  values: Variables,
): ReturnType<Variables['expand']> {
  const placeholder = parsePlaceholder(reference)
  const parameter = placeholder === undefined ? undefined : runParameter(placeholder)
  if (parameter === undefined || typeof parameter === 'string' || parameter.kind !== 'environment')
    throw mistake(
      file,
      at,
      `'${key}' cannot wait for a value of the run; a variable of the environment can stand here.`,
    )
  const { name, fallback } = parameter
  const expanded = values.expand(`\${${name}}`)
  if (fallback === null || values.get(name) !== undefined) return expanded
  return { text: fallback, variables: [{ name, from: 'default' }] }
}

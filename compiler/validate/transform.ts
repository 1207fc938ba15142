// kind: transform → its SQL with places, and its inputs in the order of the YAML.

import { type Diagnostic, nearest } from '../../runtime/contract/diagnostics.ts'
import { ENGINES } from '../../runtime/contract/engines.ts'
import { asNodeId } from '../../runtime/contract/ids.ts'
import { errorAt, warningAt } from '../diagnostic-codes.ts'
import { type Loaded, type LoadedDocument, sqlPath } from '../load.ts'
import { Transform } from '../schema/transform.ts'
import { hasSql } from '../sql/lexer.ts'
import type { NodeInput, PlacedText, ProjectSettings, TransformNode } from '../validate.ts'
import { dialectOf } from './engine.ts'
import { nodeCommon } from './node-fields.ts'
import { pathProblem } from './path.ts'
import { placedFile, placedText } from './placed.ts'
import { keyPlaceOf, placeOf, SchemaReader } from './read-schema.ts'
import { declaredChecks } from './tests.ts'

/** The transform, or undefined with reports when something is wrong. */
export function readTransform(
  document: LoadedDocument,
  sqlFiles: Loaded['sql'],
  project: Pick<ProjectSettings, 'engine' | 'dialect'>,
  report: (d: Diagnostic) => void,
): TransformNode | undefined {
  const reader = new SchemaReader(document)
  const fields = reader.read(Transform, document.value, '')
  reader.diagnostics.forEach(report)
  const sql = sqlOf(document, sqlFiles, report)
  const checks = declaredChecks('transform', document, report)
  if (fields === undefined || sql === undefined) return undefined
  const key = (fields.inputs ?? []).length > 0 || fields.depends_on === undefined ? 'inputs' : 'depends_on'
  if (fields.depends_on !== undefined)
    report(
      warningAt(
        'VALIDATE_OLD_SPELLING',
        keyPlaceOf(document, '/depends_on'),
        key === 'inputs' ? "'depends_on' is ignored, since there are 'inputs'." : "'depends_on' is read as 'inputs'.",
        {
          hints: ["Write 'inputs'."],
        },
      ),
    )
  return {
    ...nodeCommon('transform', fields, document, report),
    checks,
    kind: 'transform',
    inputs: (fields[key] ?? []).map(
      ({ ref }, i): NodeInput => ({ ref: asNodeId(ref.trim()), place: placeOf(document, `/${key}/${i}/ref`) }),
    ),
    sql,
    dialect: dialectOf(fields.dialect ?? project.dialect, project.engine, keyPlaceOf(document, '/dialect'), report),
    publish: publishOf(fields.publish, project.engine, document, report),
  }
}

function publishOf(
  written: string | undefined,
  { name }: ProjectSettings['engine'],
  document: LoadedDocument,
  report: (d: Diagnostic) => void,
): TransformNode['publish'] {
  const { isDatabase, title } = ENGINES[name]
  if (written !== 'table' || isDatabase) return written === 'table' ? 'table' : 'view'
  report(
    warningAt(
      'VALIDATE_UNKNOWN_KEY',
      keyPlaceOf(document, '/publish'),
      `'publish' has no effect with the engine ${title}, whose outputs are files.`,
      { facts: { key: 'publish' } },
    ),
  )
  return 'view'
}

function sqlOf(
  document: LoadedDocument,
  sqlFiles: Loaded['sql'],
  report: (d: Diagnostic) => void,
): PlacedText | undefined {
  const { transform, file } = document.value
  if (typeof transform === 'string' && typeof file === 'string')
    report(
      errorAt('VALIDATE_CONFLICT', keyPlaceOf(document, '/file'), "Both 'transform' and 'file' hold SQL.", {
        hints: ['Keep one of the two.'],
      }),
    )
  if (typeof transform === 'string')
    return notEmpty(placedText(document, '/transform', transform), document, '/transform', report)
  if (typeof file === 'string') return sqlFile(file, document, sqlFiles, report)
  if ((transform ?? null) === null && (file ?? null) === null) {
    const place = Object.hasOwn(document.value, 'transform')
      ? keyPlaceOf(document, '/transform')
      : placeOf(document, '/name')
    report(
      errorAt('VALIDATE_MISSING_KEY', place, "The key 'transform' is missing: the SQL of the node.", {
        facts: { key: 'transform' },
      }),
    )
  }
  return undefined
}

function sqlFile(
  path: string,
  document: LoadedDocument,
  sqlFiles: Loaded['sql'],
  report: (d: Diagnostic) => void,
): PlacedText | undefined {
  const place = placeOf(document, '/file')
  const problem = pathProblem(path, place, 'VALIDATE_PATH', 'sql/daily.sql')
  if (problem !== undefined) {
    report(problem)
    return undefined
  }
  const plain = sqlPath(path)
  const text = Object.hasOwn(sqlFiles, plain) ? sqlFiles[plain] : undefined
  if (text === undefined) {
    const near = nearest(plain, Object.keys(sqlFiles))
    report(
      errorAt('VALIDATE_FILE_NOT_FOUND', place, `There is no file '${plain}' in the project.`, {
        facts: { path: plain },
        hints:
          near === undefined
            ? ["Paths of 'file' are relative to the project and end with .sql."]
            : [`Did you mean '${near}'?`],
      }),
    )
    return undefined
  }
  return notEmpty(placedFile(plain, text), document, '/file', report)
}

function notEmpty(
  sql: PlacedText,
  document: LoadedDocument,
  pointer: string,
  report: (d: Diagnostic) => void,
): PlacedText | undefined {
  if (hasSql(sql.text)) return sql
  report(
    errorAt(
      'VALIDATE_EMPTY_SQL',
      keyPlaceOf(document, pointer),
      `'${pointer.slice(1)}' holds no SQL, or only comments.`,
    ),
  )
  return undefined
}

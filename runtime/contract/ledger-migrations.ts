// The texts that make the ledger, in their order: a run executes those that a database does not have yet, and a bundle has them
// for apply.sql. A version that was released never changes.

import tables from '../engines/postgresql/ledger/1-tables.sql'
import moreTables from '../engines/postgresql/ledger/2-more-tables.sql'
import views from '../engines/postgresql/ledger/3-views.sql'
import steps from '../engines/postgresql/ledger/4-steps.sql'
import targets from '../engines/postgresql/ledger/5-targets.sql'
import generations from '../engines/postgresql/ledger/6-generations.sql'
import documents from '../engines/postgresql/ledger/7-documents.sql'
import byHandBegin from '../engines/postgresql/ledger/8-by-hand-begin.sql'
import byHandSteps from '../engines/postgresql/ledger/9-by-hand-steps.sql'
import byHandTables from '../engines/postgresql/ledger/10-by-hand-tables.sql'
import byHandEnd from '../engines/postgresql/ledger/11-by-hand-end.sql'

export const MIGRATIONS: readonly string[] = [
  tables,
  moreTables,
  views,
  steps,
  targets,
  generations,
  documents,
  byHandBegin,
  byHandSteps,
  byHandTables,
  byHandEnd,
]

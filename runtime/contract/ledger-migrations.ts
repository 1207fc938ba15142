// The texts that make the ledger, in their order: a run executes those that a database does not have yet, and a bundle has them
// for apply.sql. A version that was released never changes.

import tables from '../engines/postgresql/ledger/1-tables.sql'
import functions from '../engines/postgresql/ledger/2-functions.sql'
import leases from '../engines/postgresql/ledger/8-leases.sql'
import targets from '../engines/postgresql/ledger/9-targets.sql'
import steps from '../engines/postgresql/ledger/10-steps.sql'
import files from '../engines/postgresql/ledger/11-files.sql'
import byHand from '../engines/postgresql/ledger/12-by-hand.sql'

export const MIGRATIONS: readonly string[] = [tables, functions, leases, targets, steps, files, byHand]
